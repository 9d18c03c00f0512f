// SPDX-License-Identifier: Apache-2.0
#include "mpc/aes.h"

#include "base/memory.h"

static EVP_CIPHER_CTX *new_cipher(void)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher != NULL &&
        (EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), NULL, NULL, NULL) != 1 ||
         EVP_CIPHER_CTX_set_padding(cipher, 0) != 1)) {
        EVP_CIPHER_CTX_free(cipher);
        return NULL;
    }
    return cipher;
}

bh_status bh_aes_init(bh_aes *a, const uint8_t *key)
{
    *a = (bh_aes){0};
    bh_status status = bh_cpu_pick(&a->level, NULL);
    if (status != BH_OK) {
        return status;
    }
    if (a->level < BH_CPU_AVX512) {
        a->cipher = new_cipher();
        if (a->cipher == NULL) {
            return BH_ERR_CRYPTO;
        }
    }
    return key != NULL ? bh_aes_set_key(a, key) : BH_OK;
}

void bh_aes_clear(bh_aes *a)
{
    EVP_CIPHER_CTX_free(a->cipher); // OpenSSL wipes the key schedule
    bh_wipe(a, sizeof *a);
}

bh_status bh_aes_set_key(bh_aes *a, const uint8_t key[16])
{
    if (bh_aes_is_fast(a)) {
        bh_aes_expand_avx512(&a->fast, key, 1);
        return BH_OK;
    }
    int ok = EVP_EncryptInit_ex(a->cipher, NULL, NULL, key, NULL);
    return ok == 1 ? BH_OK : BH_ERR_CRYPTO;
}

bh_status bh_aes_encrypt(bh_aes *a, void *out, const void *in, size_t len)
{
    int written = 0;
    int ok = EVP_EncryptUpdate(a->cipher, out, &written, in, (int)len);
    return ok == 1 && (size_t)written == len ? BH_OK : BH_ERR_CRYPTO;
}
