// SPDX-License-Identifier: Apache-2.0
#include "support/blocks.h"

#include <openssl/evp.h>
#include <string.h>

bh_block blocks_random(test_rng *rng)
{
    uint64_t low = test_rng_next(rng);
    return (bh_block){{low, test_rng_next(rng)}};
}

bh_block blocks_encrypt(const void *key, bh_block in)
{
    uint8_t out[32];
    int len = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    assert_non_null(c);
    assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(c, out, &len, (const uint8_t *)&in, sizeof in),
                     1);
    assert_int_equal(len, 16);
    EVP_CIPHER_CTX_free(c);
    memcpy(&in, out, sizeof in);
    return in;
}
