// SPDX-License-Identifier: Apache-2.0
#include "model/input.h"

#include <string.h>

#include "base/ct.h"

static uint64_t double_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double double_from(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// The integer nearest to v (ties to even) if |v| <= 2^40, otherwise +-2^40; NaN gives
// -2^40. Without a comparison of floating-point numbers, which compilers may turn into
// a branch: without their sign, doubles are ordered as their bits are.
static int64_t nearest(double v)
{
    const uint64_t sign_bit = UINT64_C(1) << 63;
    const uint64_t infinity = UINT64_C(0x7ff) << 52;
    const double large = 1099511627776.0; // 2^40
    const double magic =
        6755399441055744.0; // 1.5 * 2^52: the unit in the last place is 1
    uint64_t bits = double_bits(v);
    uint64_t size = bits & ~sign_bit;
    uint64_t sign = (bits | bh_ct_mask_less(infinity, size)) & sign_bit;
    uint64_t limit = double_bits(large);
    size = bh_ct_select(bh_ct_mask_less(limit, size), limit, size);
    // The sum is in [2^52, 2^53), so that its lowest bits are the rounded integer.
    double sum = double_from(size | sign) + magic;
    return (int64_t)(double_bits(sum) - double_bits(magic));
}

// A float as a double, 0 for subnormal ones: converting those takes longer.
static double widen(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t subnormal = bh_ct_mask_less(bits & 0x7fffffff, 0x00800000);
    bits = (uint32_t)bh_ct_select(subnormal, 0, bits);
    memcpy(&v, &bits, sizeof bits);
    return (double)v;
}

uint8_t bh_column_pixel(const bh_input *input, uint32_t j, float value)
{
    double factor = 255.0 / (8 * (double)input->column_dev[j]);
    double scaled = (widen(value) - (double)input->column_mean[j]) * factor;
    return (uint8_t)bh_ct_clamp(nearest(scaled + 127.5), 0, 255);
}

// 1 / sqrt(v), 1 <= v < 2^60, within 2^-51 of it relatively. The integer trick halves
// the exponent and is off by at most 3.5 %; a step of Newton's makes an error e one of
// at most 1.6 e^2, so that four leave 2^-68, and the last one's roundings, of
// operands of 1/2, 1/2, 1 and 1, are less than 3 times 2^-53 together.
static double inverse_sqrt(double v)
{
    double half = 0.5 * v;
    double y = double_from(UINT64_C(0x5fe6eb50c7b537a9) - (double_bits(v) >> 1));
    for (int i = 0; i < 4; i++) {
        double t = half * y;
        t = t * y;
        t = 1.5 - t;
        y = y * t;
    }
    return y;
}

// With n pixels x, (x - m) / max(s, 1) = (n x - sum) / sqrt(max(n^2 s^2, n^2)), where
// n^2 s^2 = n sum(x^2) - sum^2 is exact: n <= 2^20, so that it is below 2^56. It rounds
// as it becomes a double, which the square root halves.
static void normalise_image(float *real, const uint8_t *pixels, size_t n)
{
    uint64_t sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += pixels[i];
        squares += (uint64_t)pixels[i] * pixels[i];
    }
    int64_t least = (int64_t)(n * n);
    int64_t spread = bh_ct_max((int64_t)(n * squares - sum * sum), least);
    double factor = inverse_sqrt((double)spread);
    for (size_t i = 0; i < n; i++) {
        int64_t centred = (int64_t)(n * pixels[i]) - (int64_t)sum;
        real[i] = (float)((double)centred * factor);
    }
}

static void normalise_fixed(float *real, const uint8_t *pixels, size_t n, double mean,
                            double dev)
{
    double factor = 1 / (255.0 * dev);
    double offset = mean / dev;
    for (size_t i = 0; i < n; i++) {
        double scaled = pixels[i] * factor;
        real[i] = (float)(scaled - offset);
    }
}

void bh_normalise_pixels(const bh_graph *g, float *real, const uint8_t *pixels)
{
    const bh_input *in = &g->input;
    size_t plane = (size_t)in->shape.height * in->shape.width;
    for (uint32_t c = 0; c < in->shape.channels; c++) {
        if (in->normalise == BH_NORMALISE_IMAGE) {
            normalise_image(real, pixels, plane);
        } else {
            normalise_fixed(real, pixels, plane, (double)in->mean[c],
                            (double)in->dev[c]);
        }
        real += plane;
        pixels += plane;
    }
}

void bh_quantise_input(const bh_graph *g, int64_t *x, const float *real)
{
    const bh_quant *q = &g->layers[bh_graph_linear_index(g, 0)].quant;
    size_t len = bh_shape_len(g->input.shape);
    // A product, since division takes a time that depends on its operands.
    double inverse = 1 / q->x_scale;
    for (size_t i = 0; i < len; i++) {
        x[i] = bh_ct_clamp(nearest((double)real[i] * inverse), q->x_lo, q->x_hi);
    }
}
