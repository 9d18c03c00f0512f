// SPDX-License-Identifier: Apache-2.0
// Arithmetic on the curve P-256 by OpenSSL, with the hands that base transfers need.
// CT: leaks whether a scalar or point is refused; scalars as far as OpenSSL's P-256
// does, whose big numbers have lengths.
#ifndef BH_MPC_CURVE_H
#define BH_MPC_CURVE_H

#include <openssl/ec.h>
#include <stdint.h>

#include "bayhenn/bayhenn.h"

#define BH_POINT_BYTES  33 // compressed
#define BH_SCALAR_BYTES 32

// The curve, a scalar and points to compute with.
typedef struct bh_curve {
    EC_GROUP *group;
    BN_CTX *ctx;
    BIGNUM *scalar;
    EC_POINT *points[3];
} bh_curve;

// Clear it in any case; what OpenSSL has to say of errors is forgotten then.
bh_status bh_curve_init(bh_curve *c) BH_MUST_CHECK;
void bh_curve_clear(bh_curve *c); // wipes

// c->scalar = these bytes, big-endian. BH_WANT_MORE unless they are in 1 .. order - 1.
bh_status bh_curve_set_scalar(bh_curve *c,
                              const uint8_t bytes[BH_SCALAR_BYTES]) BH_MUST_CHECK;
// A uniform one, which is left in bytes as well. BH_ERR_RNG, BH_ERR_CRYPTO.
bh_status bh_curve_draw_scalar(bh_curve *c,
                               uint8_t bytes[BH_SCALAR_BYTES]) BH_MUST_CHECK;
// out = c->scalar * point, or * the generator where point is NULL. BH_ERR_CRYPTO.
bh_status bh_curve_multiply(const bh_curve *c, EC_POINT *out,
                            const EC_POINT *point) BH_MUST_CHECK;
// BH_ERR_CRYPTO, also for the point at infinity.
bh_status bh_curve_write(const bh_curve *c, uint8_t out[BH_POINT_BYTES],
                         const EC_POINT *point) BH_MUST_CHECK;
// BH_ERR_ENCODING unless in is a point other than that at infinity.
bh_status bh_curve_read(const bh_curve *c, EC_POINT *out,
                        const uint8_t in[BH_POINT_BYTES]) BH_MUST_CHECK;

#endif
