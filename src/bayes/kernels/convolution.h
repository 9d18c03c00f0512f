// SPDX-License-Identifier: Apache-2.0
// Convolutions: a part of body.h.

INLINE void correlate_block(const bh_window *w, lanes *out, const lanes *in,
                            const bh_real *weights, const bh_real *bias, size_t outs,
                            size_t columns)
{
    const size_t kernel = w->kernel_h * w->kernel_w, row_len = w->channels * kernel;
    const size_t stride = w->stride, plane = w->out_height * w->out_width;
    lanes sum[OUT_BLOCK][COL_BLOCK];
    UNROLL
    for (size_t o = 0; o < outs; o++) {
        UNROLL
        for (size_t j = 0; j < columns; j++) {
            sum[o][j] = (lanes){0} + (bias != NULL ? bias[o] : 0);
        }
    }
    for (size_t c = 0; c < w->channels; c++) {
        for (size_t a = 0; a < w->kernel_h; a++) {
            const lanes *row = in + (c * w->height + a) * w->width * PARTS;
            const bh_real *tap = weights + c * kernel + a * w->kernel_w;
            for (size_t b = 0; b < w->kernel_w; b++) {
                UNROLL
                for (size_t o = 0; o < outs; o++) {
                    UNROLL
                    for (size_t j = 0; j < columns; j++) {
                        sum[o][j] +=
                            tap[o * row_len + b] * row[(j * stride + b) * PARTS];
                    }
                }
            }
        }
    }
    UNROLL
    for (size_t o = 0; o < outs; o++) {
        UNROLL
        for (size_t j = 0; j < columns; j++) {
            out[(o * plane + j) * PARTS] = sum[o][j];
        }
    }
}

// `outs` outputs of one row.
INLINE void correlate_row(const bh_window *w, lanes *out, const lanes *in,
                          const bh_real *weights, const bh_real *bias, size_t outs)
{
    size_t x = 0;
    for (; x + COL_BLOCK <= w->out_width; x += COL_BLOCK) {
        correlate_block(w, out + x * PARTS, in + x * w->stride * PARTS, weights, bias,
                        outs, COL_BLOCK);
    }
#if COL_BLOCK == 4
    if (x + 2 <= w->out_width) {
        correlate_block(w, out + x * PARTS, in + x * w->stride * PARTS, weights, bias,
                        outs, 2);
        x += 2;
    }
#endif
    for (; x < w->out_width; x++) {
        correlate_block(w, out + x * PARTS, in + x * w->stride * PARTS, weights, bias,
                        outs, 1);
    }
}

// All outputs of one row.
INLINE void correlate_outputs(const bh_window *w, lanes *out, const lanes *in,
                              const bh_real *weights, const bh_real *bias)
{
    const size_t row_len = w->channels * w->kernel_h * w->kernel_w;
    const size_t plane = w->out_height * w->out_width * PARTS;
    size_t o = 0;
    for (; o + OUT_BLOCK <= w->outputs; o += OUT_BLOCK) {
        correlate_row(w, out + o * plane, in, weights + o * row_len,
                      bias != NULL ? bias + o : NULL, OUT_BLOCK);
    }
#if OUT_BLOCK > 4
    if (o + 4 <= w->outputs) {
        correlate_row(w, out + o * plane, in, weights + o * row_len,
                      bias != NULL ? bias + o : NULL, 4);
        o += 4;
    }
#endif
    for (; o < w->outputs; o++) {
        correlate_row(w, out + o * plane, in, weights + o * row_len,
                      bias != NULL ? bias + o : NULL, 1);
    }
}

static void correlate(const bh_window *w, bh_real *out, const bh_real *in,
                      const bh_real *weights, const bh_real *bias)
{
    for (size_t y = 0; y < w->out_height; y++) {
        const lanes *from = (const lanes *)in + y * w->stride * w->width * PARTS;
        lanes *to = (lanes *)out + y * w->out_width * PARTS;
        for (size_t part = 0; part < PARTS; part++) {
            correlate_outputs(w, to + part, from + part, weights, bias);
        }
    }
}

// The gradient of `outs` outputs in rows x taps neighbouring taps of a kernel. Their
// gradients in the outputs are what this reads most of, from beyond the nearest cache:
// every number that it loads is used rows * taps times.
INLINE void taps_gradient(const bh_window *w, bh_real *d_weights, const lanes *d_out,
                          const lanes *in, size_t outs, size_t rows, size_t taps)
{
    const size_t row_len = w->channels * w->kernel_h * w->kernel_w;
    const size_t plane = w->out_height * w->out_width * PARTS, stride = w->stride;
    const size_t line = w->width * PARTS;
    lanes sum[TAP_SUMS];
    memset(sum, 0, sizeof sum);
    for (size_t y = 0; y < w->out_height; y++) {
        const lanes *from = in + y * stride * line;
        const lanes *d_row = d_out + y * w->out_width * PARTS;
        for (size_t x = 0; x < w->out_width; x++, from += stride * PARTS) {
            UNROLL
            for (size_t t = 0; t < rows * taps; t++) {
                UNROLL
                for (size_t o = 0; o < outs; o++) {
                    sum[o * rows * taps + t] +=
                        d_row[o * plane + x * PARTS] *
                        from[t / taps * line + t % taps * PARTS];
                }
            }
        }
    }
    UNROLL
    for (size_t o = 0; o < outs; o++) {
        UNROLL
        for (size_t t = 0; t < rows * taps; t++) {
            d_weights[o * row_len + t / taps * w->kernel_w + t % taps] +=
                lanes_sum(&sum[o * rows * taps + t]);
        }
    }
}

INLINE void kernel_row_gradient(const bh_window *w, bh_real *d_weights,
                                const lanes *d_out, const lanes *in, size_t outs)
{
    size_t b = 0;
    for (; b + TAP_BLOCK <= w->kernel_w; b += TAP_BLOCK) {
        taps_gradient(w, d_weights + b, d_out, in + b * PARTS, outs, 1, TAP_BLOCK);
    }
#if TAP_BLOCK > 3
    if (b + 3 <= w->kernel_w) {
        taps_gradient(w, d_weights + b, d_out, in + b * PARTS, outs, 1, 3);
        b += 3;
    }
#endif
    for (; b < w->kernel_w; b++) {
        taps_gradient(w, d_weights + b, d_out, in + b * PARTS, outs, 1, 1);
    }
}

// Kernels of 3 x 3, all nine taps at a time.
INLINE void small_kernel_gradient(const bh_window *w, bh_real *d_weights,
                                  const lanes *d_out, const lanes *in)
{
    const size_t row_len = w->channels * 9;
    const size_t plane = w->out_height * w->out_width * PARTS;
    size_t o = 0;
    for (; o + SMALL_OUTS <= w->outputs; o += SMALL_OUTS) {
        taps_gradient(w, d_weights + o * row_len, d_out + o * plane, in, SMALL_OUTS, 3,
                      3);
    }
    for (; o < w->outputs; o++) {
        taps_gradient(w, d_weights + o * row_len, d_out + o * plane, in, 1, 3, 3);
    }
}

INLINE void kernel_gradient(const bh_window *w, bh_real *d_weights, const lanes *d_out,
                            const lanes *in)
{
    const size_t row_len = w->channels * w->kernel_h * w->kernel_w;
    const size_t plane = w->out_height * w->out_width * PARTS;
    for (size_t a = 0; a < w->kernel_h; a++) {
        const lanes *from = in + a * w->width * PARTS;
        bh_real *to = d_weights + a * w->kernel_w;
        size_t o = 0;
        for (; o + TAP_OUTS <= w->outputs; o += TAP_OUTS) {
            kernel_row_gradient(w, to + o * row_len, d_out + o * plane, from, TAP_OUTS);
        }
        for (; o < w->outputs; o++) {
            kernel_row_gradient(w, to + o * row_len, d_out + o * plane, from, 1);
        }
    }
}

static void correlate_weights(const bh_window *w, bh_real *d_weights,
                              const bh_real *d_out, const bh_real *in)
{
    const bool small = w->kernel_h == 3 && w->kernel_w == 3;
    for (size_t at = 0; at < w->channels * PARTS; at++) {
        const size_t part = at % PARTS, c = at / PARTS;
        const lanes *from = (const lanes *)in + c * w->height * w->width * PARTS + part;
        const lanes *d_from = (const lanes *)d_out + part;
        bh_real *to = d_weights + c * w->kernel_h * w->kernel_w;
        if (small) {
            small_kernel_gradient(w, to, d_from, from);
        } else {
            kernel_gradient(w, to, d_from, from);
        }
    }
}
