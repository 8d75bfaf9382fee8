"""The framework's counterparts of `helpers.scratch.sequences`, as functions of tensors.

Two implementations of the CTC loss are there to compare with. The one that Keras calls computes in
single precision whatever it is given, takes empty targets, and gives an impossible target a large
finite loss. The older kernel, which shares no code with it, computes in double precision too, but
refuses empty and impossible targets.
"""


def tempered_softmax(z, tau):
    """`tf.nn.softmax` of z (batch, classes) / tau (). Chapter: 3.4"""
    import tensorflow as tf

    return tf.nn.softmax(z / tau)


def ctc_loss(z, targets, input_lengths, target_lengths, blank=0):
    """`keras.ops.ctc_loss`: (batch,). Chapter: 3.4"""
    import keras

    return keras.ops.ctc_loss(targets, z, target_lengths, input_lengths, mask_index=blank)


def ctc_loss_kernel(z, targets, input_lengths, target_lengths, blank=0):
    """TensorFlow's older kernel, `tf.compat.v1.nn.ctc_loss`: (batch,). Chapter: 3.4

    Its blank is the last class, so the classes are put in that order first.
    """
    import tensorflow as tf

    classes = z.shape[-1]
    order = [k for k in range(classes) if k != blank] + [blank]
    rank = tf.constant([order.index(k) for k in range(classes)], tf.int32)
    inside = tf.sequence_mask(target_lengths, targets.shape[1])
    sparse = tf.SparseTensor(
        tf.where(inside),
        tf.gather(rank, tf.cast(tf.boolean_mask(targets, inside), tf.int32)),
        tf.constant(targets.shape, tf.int64),
    )
    logits = tf.gather(z, order, axis=2)
    lengths = tf.cast(input_lengths, tf.int32)
    return tf.compat.v1.nn.ctc_loss(sparse, logits, lengths, time_major=False)


def ctc_greedy(z, input_lengths, blank=0):
    """`keras.ops.ctc_decode` of arrays, greedy: [(labels, log-probability)]. Chapter: 3.4"""
    return [paths[0] for paths in _decoded(z, input_lengths, blank, strategy="greedy")]


def ctc_prefix_beam(z, width, top, input_lengths, blank=0):
    """`keras.ops.ctc_decode` of arrays, beam search: for each example `top` pairs. Chapter: 3.4"""
    beam = {"strategy": "beam_search", "beam_width": width, "top_paths": top}
    return _decoded(z, input_lengths, blank, **beam)


def _decoded(z, input_lengths, blank, **options):
    import keras

    log_p = keras.ops.log_softmax(z)
    labels, scores = keras.ops.ctc_decode(log_p, input_lengths, mask_index=blank, **options)
    labels, scores = labels.numpy(), scores.numpy()
    sign = -1 if options["strategy"] == "greedy" else 1
    return [
        [
            (tuple(int(k) for k in path[example] if k >= 0), sign * float(scores[example, place]))
            for place, path in enumerate(labels)
        ]
        for example in range(len(z))
    ]
