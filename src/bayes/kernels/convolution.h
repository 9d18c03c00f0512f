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

// The gradient of `outs` outputs in `taps` neighbouring taps of one kernel row.
INLINE void taps_gradient(const bh_window *w, bh_real *d_weights, const lanes *d_out,
                          const lanes *in, size_t outs, size_t taps)
{
    const size_t row_len = w->channels * w->kernel_h * w->kernel_w;
    const size_t plane = w->out_height * w->out_width * PARTS, stride = w->stride;
    lanes sum[TAP_OUTS][TAP_BLOCK];
    memset(sum, 0, sizeof sum);
    for (size_t y = 0; y < w->out_height; y++) {
        const lanes *row = in + y * stride * w->width * PARTS;
        const lanes *d_row = d_out + y * w->out_width * PARTS;
        for (size_t x = 0; x < w->out_width; x++) {
            UNROLL
            for (size_t b = 0; b < taps; b++) {
                UNROLL
                for (size_t o = 0; o < outs; o++) {
                    sum[o][b] +=
                        d_row[o * plane + x * PARTS] * row[(x * stride + b) * PARTS];
                }
            }
        }
    }
    UNROLL
    for (size_t o = 0; o < outs; o++) {
        UNROLL
        for (size_t b = 0; b < taps; b++) {
            d_weights[o * row_len + b] += lanes_sum(&sum[o][b]);
        }
    }
}

INLINE void kernel_row_gradient(const bh_window *w, bh_real *d_weights,
                                const lanes *d_out, const lanes *in, size_t outs)
{
    size_t b = 0;
    for (; b + TAP_BLOCK <= w->kernel_w; b += TAP_BLOCK) {
        taps_gradient(w, d_weights + b, d_out, in + b * PARTS, outs, TAP_BLOCK);
    }
#if TAP_BLOCK > 3
    if (b + 3 <= w->kernel_w) {
        taps_gradient(w, d_weights + b, d_out, in + b * PARTS, outs, 3);
        b += 3;
    }
#endif
    for (; b < w->kernel_w; b++) {
        taps_gradient(w, d_weights + b, d_out, in + b * PARTS, outs, 1);
    }
}

static void correlate_weights(const bh_window *w, bh_real *d_weights,
                              const bh_real *d_out, const bh_real *in)
{
    const size_t kernel = w->kernel_h * w->kernel_w, row_len = w->channels * kernel;
    const size_t plane = w->out_height * w->out_width * PARTS;
    for (size_t at = 0; at < w->channels * w->kernel_h * PARTS; at++) {
        const size_t part = at % PARTS, a = at / PARTS % w->kernel_h;
        const size_t c = at / PARTS / w->kernel_h;
        const lanes *from =
            (const lanes *)in + (c * w->height + a) * w->width * PARTS + part;
        const lanes *d_from = (const lanes *)d_out + part;
        bh_real *to = d_weights + c * kernel + a * w->kernel_w;
        size_t o = 0;
        for (; o + TAP_OUTS <= w->outputs; o += TAP_OUTS) {
            kernel_row_gradient(w, to + o * row_len, d_from + o * plane, from,
                                TAP_OUTS);
        }
        for (; o < w->outputs; o++) {
            kernel_row_gradient(w, to + o * row_len, d_from + o * plane, from, 1);
        }
    }
}
