// SPDX-License-Identifier: Apache-2.0
// What is done element by element: a part of body.h.

static void relu(bh_real *restrict out, const bh_real *restrict in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = in[i] > 0 ? in[i] : 0;
    }
}

static void relu_back(bh_real *restrict d_in, const bh_real *restrict d_out,
                      const bh_real *restrict in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bh_real x = in[i], d = d_out[i];
        d_in[i] = x > 0 ? d : 0;
    }
}

static void square(bh_real *restrict out, const bh_real *restrict in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = in[i] * in[i];
    }
}

static void square_back(bh_real *restrict d_in, const bh_real *restrict d_out,
                        const bh_real *restrict in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        d_in[i] = 2 * in[i] * d_out[i];
    }
}

static void add_noise(bh_real *restrict out, bh_real *restrict gain,
                      const bh_real *restrict variance, const bh_real *restrict noise,
                      size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bh_real root = ROOT(variance[i] + (bh_real)1e-12); // never zero: it divides
        out[i] += root * noise[i];
        gain[i] = noise[i] / (2 * root);
    }
}

static void multiply(bh_real *out, const bh_real *a, const bh_real *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = a[i] * b[i];
    }
}

static void multiply_add(bh_real *restrict out, bh_real factor,
                         const bh_real *restrict a, const bh_real *restrict b,
                         size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] += factor * a[i] * b[i];
    }
}

// exp(x) = 2^n exp(r), |r| <= log(2) / 2; the polynomial is off by 2e-9 relative.
static void exponentials(bh_real *restrict out, const bh_real *restrict in, size_t len)
{
#ifdef BH_BAYES_DOUBLE
    for (size_t i = 0; i < len; i++) {
        out[i] = exp(in[i]);
    }
#else
    for (size_t i = 0; i < len; i++) {
        float x = in[i] > -80 ? in[i] : -80;
        x = x < 80 ? x : 80; // of a training that diverges, anything may come
        float n = x * 1.44269504f;
        int32_t k = (int32_t)(n < 0 ? n - 0.5f : n + 0.5f);
        float r = (x - (float)k * 0.693359375f) + (float)k * 2.12194440e-4f;
        float p =
            1 + r * (1 + r * (0.5f + r * (1.0f / 6 +
                                          r * (1.0f / 24 +
                                               r * (1.0f / 120 + r * (1.0f / 720))))));
        int32_t bits;
        memcpy(&bits, &p, sizeof bits);
        bits += k * (1 << 23);
        memcpy(&out[i], &bits, sizeof bits);
    }
#endif
}

static void adam(const bh_adam_constants *k, bh_real *restrict x,
                 bh_real *restrict first, bh_real *restrict second,
                 const bh_real *restrict gradient, size_t len)
{
    const bh_adam_constants c = *k;
    for (size_t i = 0; i < len; i++) {
        bh_real g = gradient[i];
        first[i] = c.beta1 * first[i] + (1 - c.beta1) * g;
        second[i] = c.beta2 * second[i] + (1 - c.beta2) * g * g;
        x[i] -= c.step * first[i] / (ROOT(second[i]) + c.floor) + c.decay * x[i];
    }
}
