// SPDX-License-Identifier: Apache-2.0
// Fully connected layers: a part of body.h.

INLINE void dense_block(size_t inputs, lanes *out, const lanes *in,
                        const bh_real *weights, const bh_real *bias, size_t outs)
{
    lanes sum[DENSE_BLOCK];
    UNROLL
    for (size_t o = 0; o < outs; o++) {
        sum[o] = (lanes){0} + (bias != NULL ? bias[o] : 0);
    }
    for (size_t i = 0; i < inputs; i++) {
        UNROLL
        for (size_t o = 0; o < outs; o++) {
            sum[o] += weights[o * inputs + i] * in[i * PARTS];
        }
    }
    UNROLL
    for (size_t o = 0; o < outs; o++) {
        out[o * PARTS] = sum[o];
    }
}

static void dense(size_t outputs, size_t inputs, bh_real *out, const bh_real *in,
                  const bh_real *weights, const bh_real *bias)
{
    for (size_t part = 0; part < PARTS; part++) {
        const lanes *from = (const lanes *)in + part;
        lanes *to = (lanes *)out + part;
        size_t o = 0;
        for (; o + DENSE_BLOCK <= outputs; o += DENSE_BLOCK) {
            dense_block(inputs, to + o * PARTS, from, weights + o * inputs,
                        bias != NULL ? bias + o : NULL, DENSE_BLOCK);
        }
        for (; o < outputs; o++) {
            dense_block(inputs, to + o * PARTS, from, weights + o * inputs,
                        bias != NULL ? bias + o : NULL, 1);
        }
    }
}

INLINE void dense_inputs_block(size_t outputs, size_t inputs, lanes *d_in,
                               const lanes *d_out, const bh_real *weights, size_t ins)
{
    lanes sum[DENSE_BLOCK];
    memset(sum, 0, sizeof sum);
    for (size_t o = 0; o < outputs; o++) {
        UNROLL
        for (size_t i = 0; i < ins; i++) {
            sum[i] += weights[o * inputs + i] * d_out[o * PARTS];
        }
    }
    UNROLL
    for (size_t i = 0; i < ins; i++) {
        d_in[i * PARTS] = sum[i];
    }
}

static void dense_inputs(size_t outputs, size_t inputs, bh_real *d_in,
                         const bh_real *d_out, const bh_real *weights)
{
    for (size_t part = 0; part < PARTS; part++) {
        const lanes *from = (const lanes *)d_out + part;
        lanes *to = (lanes *)d_in + part;
        size_t i = 0;
        for (; i + DENSE_BLOCK <= inputs; i += DENSE_BLOCK) {
            dense_inputs_block(outputs, inputs, to + i * PARTS, from, weights + i,
                               DENSE_BLOCK);
        }
        for (; i < inputs; i++) {
            dense_inputs_block(outputs, inputs, to + i * PARTS, from, weights + i, 1);
        }
    }
}

// [len][BH_LANES] to [BH_LANES][len].
static void transpose(bh_real *out, const bh_real *in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        for (size_t l = 0; l < BH_LANES; l++) {
            out[l * len + i] = in[i * BH_LANES + l];
        }
    }
}

// Rows of a product of [outputs][BH_LANES] and [BH_LANES][inputs], a block of it.
INLINE void outer_block(size_t inputs, bh_real *d_weights, const bh_real *d_out,
                        const bh_real *in_t, size_t rows, size_t width)
{
    lanes sum[DENSE_ROWS][DENSE_WIDTH];
    memset(sum, 0, sizeof sum);
    UNROLL
    for (size_t l = 0; l < BH_LANES; l++) {
        const loose_lanes *from = (const loose_lanes *)(in_t + l * inputs);
        UNROLL
        for (size_t o = 0; o < rows; o++) {
            UNROLL
            for (size_t i = 0; i < width; i++) {
                sum[o][i] += d_out[o * BH_LANES + l] * from[i];
            }
        }
    }
    UNROLL
    for (size_t o = 0; o < rows; o++) {
        loose_lanes *to = (loose_lanes *)(d_weights + o * inputs);
        UNROLL
        for (size_t i = 0; i < width; i++) {
            to[i] += sum[o][i];
        }
    }
}

INLINE void outer_rows(size_t inputs, bh_real *d_weights, const bh_real *d_out,
                       const bh_real *in_t, size_t rows)
{
    const size_t wide = DENSE_WIDTH * VECTOR;
    size_t i = 0;
    for (; i + wide <= inputs; i += wide) {
        outer_block(inputs, d_weights + i, d_out, in_t + i, rows, DENSE_WIDTH);
    }
    for (; i + VECTOR <= inputs; i += VECTOR) {
        outer_block(inputs, d_weights + i, d_out, in_t + i, rows, 1);
    }
    for (; i < inputs; i++) {
        for (size_t o = 0; o < rows; o++) {
            bh_real sum = 0;
            for (size_t l = 0; l < BH_LANES; l++) {
                sum += d_out[o * BH_LANES + l] * in_t[l * inputs + i];
            }
            d_weights[o * inputs + i] += sum;
        }
    }
}

static void dense_weights(size_t outputs, size_t inputs, bh_real *d_weights,
                          const bh_real *d_out, const bh_real *in, bh_real *scratch)
{
    transpose(scratch, in, inputs);
    size_t o = 0;
    for (; o + DENSE_ROWS <= outputs; o += DENSE_ROWS) {
        outer_rows(inputs, d_weights + o * inputs, d_out + o * BH_LANES, scratch,
                   DENSE_ROWS);
    }
    for (; o < outputs; o++) {
        outer_rows(inputs, d_weights + o * inputs, d_out + o * BH_LANES, scratch, 1);
    }
}

static void bias_gradient(size_t outputs, size_t plane, bh_real *d_bias,
                          const bh_real *d_out)
{
    const lanes *from = (const lanes *)d_out;
    for (size_t o = 0; o < outputs; o++) {
        lanes sum = {0};
        for (size_t i = 0; i < plane * PARTS; i++) {
            sum += *from++;
        }
        d_bias[o] += lanes_sum(&sum);
    }
}
