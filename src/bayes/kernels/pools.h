// SPDX-License-Identifier: Apache-2.0
// Pools: a part of body.h.

// The window's corner for the index-th output, in vectors.
INLINE size_t corner(const bh_window *w, size_t index)
{
    const size_t plane = w->out_height * w->out_width;
    const size_t c = index / plane, y = index % plane / w->out_width;
    const size_t x = index % w->out_width;
    return ((c * w->height + y * w->stride) * w->width + x * w->stride) * PARTS;
}

INLINE size_t pool_outputs(const bh_window *w)
{
    return w->channels * w->out_height * w->out_width;
}

static void max_pool(const bh_window *w, bh_real *out, const bh_real *in)
{
    for (size_t i = 0; i < pool_outputs(w) * PARTS; i++) {
        const lanes *from = (const lanes *)in + corner(w, i / PARTS) + i % PARTS;
        lanes best = *from;
        for (size_t a = 0; a < w->kernel_h; a++) {
            for (size_t b = 0; b < w->kernel_w; b++) {
                lanes v = from[(a * w->width + b) * PARTS];
                masks larger = v > best;
                best = (lanes)(((masks)v & larger) | ((masks)best & ~larger));
            }
        }
        ((lanes *)out)[i] = best;
    }
}

static void max_pool_back(const bh_window *w, bh_real *d_in, const bh_real *d_out,
                          const bh_real *out, const bh_real *in)
{
    for (size_t i = 0; i < pool_outputs(w) * PARTS; i++) {
        const size_t at = corner(w, i / PARTS) + i % PARTS;
        const lanes best = ((const lanes *)out)[i];
        masks left = (masks)((const lanes *)d_out)[i]; // the first largest takes it
        for (size_t a = 0; a < w->kernel_h; a++) {
            for (size_t b = 0; b < w->kernel_w; b++) {
                const size_t k = at + (a * w->width + b) * PARTS;
                masks here = ((const lanes *)in)[k] == best;
                ((lanes *)d_in)[k] += (lanes)(left & here);
                left &= ~here;
            }
        }
    }
}

static void mean_pool(const bh_window *w, bh_real *out, const bh_real *in)
{
    const bh_real share = 1 / (bh_real)(w->kernel_h * w->kernel_w);
    for (size_t i = 0; i < pool_outputs(w) * PARTS; i++) {
        const lanes *from = (const lanes *)in + corner(w, i / PARTS) + i % PARTS;
        lanes sum = {0};
        for (size_t a = 0; a < w->kernel_h; a++) {
            for (size_t b = 0; b < w->kernel_w; b++) {
                sum += from[(a * w->width + b) * PARTS];
            }
        }
        ((lanes *)out)[i] = sum * share;
    }
}

static void mean_pool_back(const bh_window *w, bh_real *d_in, const bh_real *d_out)
{
    const bh_real share = 1 / (bh_real)(w->kernel_h * w->kernel_w);
    for (size_t i = 0; i < pool_outputs(w) * PARTS; i++) {
        lanes *to = (lanes *)d_in + corner(w, i / PARTS) + i % PARTS;
        const lanes each = ((const lanes *)d_out)[i] * share;
        for (size_t a = 0; a < w->kernel_h; a++) {
            for (size_t b = 0; b < w->kernel_w; b++) {
                to[(a * w->width + b) * PARTS] += each;
            }
        }
    }
}
