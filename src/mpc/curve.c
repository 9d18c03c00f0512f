// SPDX-License-Identifier: Apache-2.0
#include "mpc/curve.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"

void bh_curve_clear(bh_curve *c)
{
    for (size_t i = 0; i < 3; i++) {
        EC_POINT_clear_free(c->points[i]);
    }
    BN_clear_free(c->scalar);
    BN_CTX_free(c->ctx);
    EC_GROUP_free(c->group);
    ERR_pop_to_mark(); // a refused point is no matter for who asks OpenSSL next
}

bh_status bh_curve_init(bh_curve *c)
{
    memset(c, 0, sizeof *c);
    ERR_set_mark();
    c->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    c->ctx = BN_CTX_secure_new();
    c->scalar = BN_secure_new();
    if (c->group == NULL || c->ctx == NULL || c->scalar == NULL) {
        return BH_ERR_CRYPTO;
    }
    BN_set_flags(c->scalar, BN_FLG_CONSTTIME);
    for (size_t i = 0; i < 3; i++) {
        c->points[i] = EC_POINT_new(c->group);
        if (c->points[i] == NULL) {
            return BH_ERR_CRYPTO;
        }
    }
    return BH_OK;
}

bh_status bh_curve_set_scalar(bh_curve *c, const uint8_t bytes[32])
{
    uint8_t copy[32];
    memcpy(copy, bytes, sizeof copy);
    // From here on it is OpenSSL's, which is trusted with it: its multiplication on
    // this curve is made to take constant time, but its big numbers have lengths, and
    // tools would report each look at one.
    BH_DECLASSIFY(copy, sizeof copy);
    const BIGNUM *done = BN_bin2bn(copy, sizeof copy, c->scalar);
    bh_wipe(copy, sizeof copy);
    if (done == NULL) {
        return BH_ERR_CRYPTO;
    }
    bool good =
        !BN_is_zero(c->scalar) && BN_cmp(c->scalar, EC_GROUP_get0_order(c->group)) < 0;
    return good ? BH_OK : BH_WANT_MORE;
}

// All but one in 2^32 numbers of 32 bytes are taken.
bh_status bh_curve_draw_scalar(bh_curve *c, uint8_t bytes[32])
{
    bh_status status = BH_WANT_MORE;
    while (status == BH_WANT_MORE) {
        status = bh_random_bytes(bytes, 32);
        if (status == BH_OK) {
            status = bh_curve_set_scalar(c, bytes);
        }
    }
    return status;
}

bh_status bh_curve_multiply(const bh_curve *c, EC_POINT *out, const EC_POINT *point)
{
    int ok = point == NULL
                 ? EC_POINT_mul(c->group, out, c->scalar, NULL, NULL, c->ctx)
                 : EC_POINT_mul(c->group, out, NULL, point, c->scalar, c->ctx);
    return ok == 1 ? BH_OK : BH_ERR_CRYPTO;
}

bh_status bh_curve_write(const bh_curve *c, uint8_t out[BH_POINT_BYTES],
                         const EC_POINT *point)
{
    memset(out, 0, BH_POINT_BYTES);
    size_t len = EC_POINT_point2oct(c->group, point, POINT_CONVERSION_COMPRESSED, out,
                                    BH_POINT_BYTES, c->ctx);
    return len == BH_POINT_BYTES ? BH_OK
                                 : BH_ERR_CRYPTO; // one byte: the point at infinity
}

bh_status bh_curve_read(const bh_curve *c, EC_POINT *out,
                        const uint8_t in[BH_POINT_BYTES])
{
    bool good = EC_POINT_oct2point(c->group, out, in, BH_POINT_BYTES, c->ctx) == 1 &&
                EC_POINT_is_at_infinity(c->group, out) == 0;
    return good ? BH_OK : BH_ERR_ENCODING;
}
