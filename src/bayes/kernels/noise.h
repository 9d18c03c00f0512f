// SPDX-License-Identifier: Apache-2.0
// Noise: a part of body.h.

INLINE void noise_next(words *out, words state[4])
{
    words sum = state[0] + state[3];
    *out = ((sum << 7) | (sum >> 25)) + state[0];
    words t = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = (state[3] << 11) | (state[3] >> 21);
}

// -2 log of (bits + 1/2) / 2^24, bits < 2^24. With the number split into m 2^e, m from
// sqrt(1/2) to sqrt(2), log m = 2 atanh((m - 1) / (m + 1)), whose series is off by less
// than 3e-8.
INLINE void minus_two_logs(floats *out, const words *bits)
{
    floats u = __builtin_convertvector((ints)*bits, floats) + 0.5f;
    ints raw = (ints)u;
    ints e = (raw - 0x3f3504f3) >> 23; // 0x3f3504f3 is sqrt(1/2)
    floats m = (floats)(raw - (e << 23));
    floats s = (m - 1) / (m + 1), q = s * s;
    floats log_m = 2 * s * (1 + q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7))));
    floats exponent = __builtin_convertvector(e - 24, floats);
    *out = -2 * (log_m + exponent * 0.693147181f);
}

// The two coordinates of a random point whose squared radius is `square`: at an angle a
// from -pi/2 to pi/2, the cosine's sign drawn besides. Taylor series, off by 6e-8.
INLINE void turn(floats out[2], const floats *square, const words *bits)
{
    const floats a =
        __builtin_convertvector((ints)(*bits >> 8) - 0x800000, floats) * 1.87253514e-7f;
    const floats q = a * a;
    floats sine =
        a *
        (1 + q * (-1.0f / 6 + q * (1.0f / 120 +
                                   q * (-1.0f / 5040 + q * (1.0f / 362880 +
                                                            q * (-1.0f / 39916800))))));
    floats cosine =
        1 + q * (-0.5f + q * (1.0f / 24 +
                              q * (-1.0f / 720 +
                                   q * (1.0f / 40320 + q * (-1.0f / 3628800 +
                                                            q * (1.0f / 479001600))))));
    ints sign = (ints)((*bits & 1) << 31);
    float radius[BH_LANES];
    for (size_t l = 0; l < BH_LANES; l++) {
        radius[l] = sqrtf((*square)[l]);
    }
    floats r;
    memcpy(&r, radius, sizeof r);
    out[0] = r * sine;
    out[1] = (floats)((ints)(r * cosine) ^ sign);
}

static void normals(bh_noise *noise, bh_real *out, size_t len)
{
    words state[4];
    memcpy(state, noise->state, sizeof state);
    for (size_t i = 0; i < len; i += 2 * BH_LANES) {
        words a, b;
        noise_next(&a, state);
        noise_next(&b, state);
        a >>= 8;
        floats square, pair[2];
        minus_two_logs(&square, &a);
        turn(pair, &square, &b);
        for (size_t l = 0; l < 2 * BH_LANES; l++) {
            out[i + l] = (bh_real)pair[l / BH_LANES][l % BH_LANES];
        }
    }
    memcpy(noise->state, state, sizeof state);
}

static void signs(bh_noise *noise, bh_real *out, size_t len)
{
    words state[4];
    memcpy(state, noise->state, sizeof state);
    for (size_t i = 0; i < len; i += BH_LANES) {
        words bits;
        noise_next(&bits, state);
        for (size_t l = 0; l < BH_LANES; l++) {
            out[i + l] = 1 - 2 * (bh_real)(bits[l] >> 31);
        }
    }
    memcpy(noise->state, state, sizeof state);
}
