// SPDX-License-Identifier: Apache-2.0
// Correlated oblivious transfer by SoftSpokenOT (Roy, CRYPTO 2022), semi-honest, with
// subfields of 2^k elements: 128 / k - 1 bits travel per transfer, 2^k / k times the
// cipher's work is done. From BH_KAPPA base transfers in the other direction, of which
// every k become one puncturable tree of 2^k leaves, a session makes as many as it
// needs.
//
// The sender holds Delta and blocks q_i, the receiver random bits c_i and t_i = q_i ^
// c_i Delta. Hashed (mpc/hash.h) under their number in the session they are random
// transfers. Transfers are made in chunks of BH_CHUNK (mpc/columns.h); a batch is whole
// chunks and what is left. Of every chunk but the last the message has 128 / k - 1
// columns of BH_CHUNK bits, of the last as many of its size in whole bytes.
// CT: leaks k, n and the number of transfers made, never blocks, choices or Delta.
#ifndef BH_MPC_SOFTSPOKEN_H
#define BH_MPC_SOFTSPOKEN_H

#include "mpc/base_ot.h"
#include "mpc/ggm.h"
#include "mpc/rot.h"

// Bytes that extend the trees from base transfers, for every k: sent once by the
// receiver of the extension (who was the sender of the base transfers).
#define BH_SOFTSPOKEN_SETUP_BYTES BH_GGM_SETUP_BYTES
// Bytes that the receiver sends for n transfers; k is 2, 4 or 8, here and below.
size_t bh_softspoken_message_bytes(unsigned k, size_t n);

typedef struct bh_softspoken_receiver bh_softspoken_receiver;
// keys: of the base transfers that this party sent. setup receives
// BH_SOFTSPOKEN_SETUP_BYTES. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG,
// BH_ERR_PARAMS (bh_cpu_pick).
bh_status bh_softspoken_receiver_new(bh_softspoken_receiver **out, unsigned k,
                                     uint8_t *setup,
                                     const bh_block (*keys)[2]) BH_MUST_CHECK;
void bh_softspoken_receiver_free(bh_softspoken_receiver *r); // wipes
// Fills out->m and out->c, all out->n of them, and the message. The numbers of
// transfers that are asked for, one call after the other, have to be those that the
// sender asks for. Errors here and below: BH_ERR_CRYPTO, with zeroes for outputs;
// nothing more can be made then.
bh_status bh_softspoken_receive(bh_softspoken_receiver *r, bh_rot_supply *out,
                                uint8_t *message) BH_MUST_CHECK;

typedef struct bh_softspoken_sender bh_softspoken_sender;
// keys: of the base transfers that this party received with the bits of `delta` as
// choices. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_PARAMS (bh_cpu_pick). Another
// setup, or a message that was changed, makes wrong transfers and no more.
bh_status bh_softspoken_sender_new(bh_softspoken_sender **out, unsigned k,
                                   const uint8_t *setup, const bh_block *keys,
                                   bh_block delta) BH_MUST_CHECK;
void bh_softspoken_sender_free(bh_softspoken_sender *s); // wipes
// Fills out->m0 and out->m1 from the receiver's message.
bh_status bh_softspoken_send(bh_softspoken_sender *s, bh_rot_supply *out,
                             const uint8_t *message) BH_MUST_CHECK;

// The correlated transfers behind n random ones, for protocols that start from them: t
// and bytes c; q. They share the numbering of transfers with the functions above.
bh_status bh_softspoken_receive_correlated(bh_softspoken_receiver *r, bh_block *t,
                                           uint8_t *c, size_t n,
                                           uint8_t *message) BH_MUST_CHECK;
bh_status bh_softspoken_send_correlated(bh_softspoken_sender *s, bh_block *q, size_t n,
                                        const uint8_t *message) BH_MUST_CHECK;

#endif
