// SPDX-License-Identifier: Apache-2.0
// AES-128 under a key, by whatever the level of processor has: round keys for vector
// AES instructions at BH_CPU_AVX512 (mpc/aes_avx512.h), OpenSSL on whole buffers below.
// CT: leaks len; keys and data as far as OpenSSL's AES does, which uses AES
// instructions or bit-sliced code.
#ifndef BH_MPC_AES_H
#define BH_MPC_AES_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "base/cpu.h"
#include "mpc/aes_avx512.h"

typedef struct bh_aes {
    bh_cpu level;           // that bh_cpu_pick gave: asking again takes a while
    bh_aes128 fast;         // of BH_CPU_AVX512
    EVP_CIPHER_CTX *cipher; // NULL at BH_CPU_AVX512
} bh_aes;

// At the level that bh_cpu_pick gives. key: 16 bytes, or NULL: a key is set later, as
// often as needed. {0} is cleared. Errors: BH_ERR_CRYPTO, BH_ERR_PARAMS (bh_cpu_pick);
// clear it then.
bh_status bh_aes_init(bh_aes *a, const uint8_t *key) BH_MUST_CHECK;
void bh_aes_clear(bh_aes *a); // wipes
bh_status bh_aes_set_key(bh_aes *a, const uint8_t key[16]) BH_MUST_CHECK;

// Whether `fast` has the key, for functions of *_avx512.c.
static inline bool bh_aes_is_fast(const bh_aes *a)
{
    return a->cipher == NULL;
}

// Below BH_CPU_AVX512: out = each block of in, encrypted. out may be in. len is a
// multiple of 16 below 2^31.
bh_status bh_aes_encrypt(bh_aes *a, void *out, const void *in,
                         size_t len) BH_MUST_CHECK;

#endif
