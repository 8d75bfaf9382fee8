"""The layers of Part 3 in NumPy, forward and backward, each beside its equation.

One module per chapter: `layers` (3.1), `recurrence` (3.2), `attention` (3.3), `sequences` (3.4),
and `optimise` for the update that trains them. Two rules make every pair read alike:

- `thing(x, weights…, options)` computes the output; it keeps nothing.
- `thing_backward(d_output, x, weights…, options)` takes the gradient of a loss with respect to that
  output, then the same arguments again, and returns the gradients with respect to the array
  arguments, in their order.

Vectors are rows and the batch comes first, as in Keras. `framework` holds the Keras counterpart of
every pair and the comparison; it is the only part that loads TensorFlow.
"""
