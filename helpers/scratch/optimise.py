"""The update that trains the from-scratch layers: Adam, and clipping by the global norm."""

import math

import numpy as np


def clip_by_global_norm(gradients, largest):
    """Scale all gradients by one factor so that their common Euclidean norm is at most `largest`.

    gradients: {name: array}. Returns (clipped gradients, norm before). What is smaller is left as
    it is; the direction never changes. Raises ValueError if `largest` is not positive or the norm
    is not finite.

    Chapter: 3.2
    Source: [pascanu2013difficulty]
    """
    if not largest > 0:
        raise ValueError(f"largest is {largest!r}; the norm's limit must be positive")
    norm = float(np.sqrt(sum(np.sum(np.float64(g) ** 2) for g in gradients.values())))
    if not np.isfinite(norm):
        raise ValueError("the gradients hold numbers that are NaN or infinite")
    factor = min(1.0, largest / norm) if norm > 0 else 1.0
    return {name: (g * factor).astype(g.dtype) for name, g in gradients.items()}, norm


class Adam:
    """Adam: steps along the mean gradient, divided by the root of the mean squared gradient.

    `update(parameters, gradients)` changes the arrays of `parameters`, {name: array}, in place.
    rate: step size. decay: what the two means keep of themselves at an update. epsilon keeps the
    division from failing; it is added where Keras adds it, before the bias is corrected. Raises
    ValueError for a rate that is not positive, KeyError for parameters without a gradient.

    Chapter: 3.2
    Source: [kingma2014adam]
    """

    def __init__(self, rate=1e-3, decay=(0.9, 0.999), epsilon=1e-7):
        if not rate > 0:
            raise ValueError(f"rate is {rate!r}; the step size must be positive")
        self.rate, self.decay, self.epsilon = rate, decay, epsilon
        self.steps, self.mean, self.square = 0, {}, {}

    def update(self, parameters, gradients):
        """One step; changes `parameters` in place."""
        self.steps += 1
        first, second = self.decay
        rate = self.rate * math.sqrt(1 - second**self.steps) / (1 - first**self.steps)
        for name, parameter in parameters.items():
            g = gradients[name]
            m = self.mean.setdefault(name, np.zeros_like(parameter))
            v = self.square.setdefault(name, np.zeros_like(parameter))
            m += (1 - first) * (g - m)
            v += (1 - second) * (g * g - v)
            parameter -= rate * m / (np.sqrt(v) + self.epsilon)
