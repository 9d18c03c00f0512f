// SPDX-License-Identifier: Apache-2.0
// Base oblivious transfers, BH_KAPPA at a time, on the curve P-256 by OpenSSL (after
// Chou and Orlandi, LATINCRYPT 2015, in the semi-honest model; keys are hashed together
// with both messages). What public-key cryptography a session needs.
//
//   sender                       receiver
//     A = a G          ------->
//                      <-------    B_i = b_i G + c_i A
//     k_i0 = H(a B_i), k_i1 = H(a (B_i - A))    k_ic = H(b_i A)
//
// CT: leaks nothing of a, b, c or the keys, as far as OpenSSL's P-256 does not.
#ifndef BH_MPC_BASE_OT_H
#define BH_MPC_BASE_OT_H

#include "bayhenn/bayhenn.h"
#include "mpc/block.h"

#define BH_BASE_OT_POINT_BYTES 33
#define BH_BASE_OT_OFFER_BYTES BH_BASE_OT_POINT_BYTES
#define BH_BASE_OT_REPLY_BYTES (BH_KAPPA * BH_BASE_OT_POINT_BYTES)

typedef struct bh_base_sender bh_base_sender;

// Errors of all: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG; BH_ERR_ENCODING for bytes
// that are no point of the curve or the point at infinity.
bh_status bh_base_sender_new(bh_base_sender **out,
                             uint8_t offer[BH_BASE_OT_OFFER_BYTES]) BH_MUST_CHECK;
void bh_base_sender_free(bh_base_sender *s); // wipes
bh_status bh_base_sender_finish(const bh_base_sender *s, bh_block (*keys)[2],
                                const uint8_t *reply) BH_MUST_CHECK;
// choices: bit i is the i-th choice. keys: BH_KAPPA.
bh_status bh_base_receive(uint8_t *reply, bh_block *keys, bh_block choices,
                          const uint8_t *offer) BH_MUST_CHECK;

#endif
