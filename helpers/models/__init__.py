"""Networks and Keras layers: one file per family. Importing any of them loads TensorFlow."""
