"""Convolution, pooling, dense layers and normalisation in NumPy, with their gradients."""

from helpers.scratch._shapes import sizes


def dense(x, kernel, bias):
    """A dense layer, Y = X W + b. x (batch, features), kernel (features, units), bias (units,).

    Returns (batch, units). Raises ShapeError, naming the axis, if shapes do not fit.

    Chapter: 3.1
    """
    sizes(x=(x, "batch features"), kernel=(kernel, "features units"), bias=(bias, "units"))
    return x @ kernel + bias


def dense_backward(d_output, x, kernel, bias):
    """Gradients of a dense layer: (d_x, d_kernel, d_bias), each of its argument's shape.

    d_output (batch, units) is the loss's gradient with respect to the output.

    Chapter: 3.1
    """
    sizes(
        d_output=(d_output, "batch units"),
        x=(x, "batch features"),
        kernel=(kernel, "features units"),
        bias=(bias, "units"),
    )
    return d_output @ kernel.T, x.T @ d_output, d_output.sum(axis=0)
