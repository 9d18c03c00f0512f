// SPDX-License-Identifier: Apache-2.0
// Silent oblivious transfer after Ferret (Yang, Weng, Lan, Zhang, Wang, CCS 2020),
// semi-honest: from some correlated transfers, many, for 0.15 to one byte of
// message each and a single message a time, from the sender to the receiver.
//
// A correlated transfer: the sender holds Delta and q, the receiver a random bit c and
// t = q ^ c Delta. An iteration spends M = k + tau h of them. Tau trees
// (mpc/half_tree.h) take h each and give n = tau 2^h transfers with choices that are 1
// at one secret place of each block of 2^h: regular noise. To transfer r is added the
// r-th row of a public sparse code (mpc/lpn.h) over the other k: that choices of the
// sum look random is the assumption (LPN with regular noise over F_2). M of the n sums
// are kept for the next iteration; the others are handed out, hashed (mpc/hash.h) to
// random transfers.
//
//   sender: Delta, M blocks q                receiver: M blocks t with choices
//     v of tau trees         -- sums -->       w of tau trees
//     q' = v + code(q)                         t' = w + code(t)
//
// The lowest bit of Delta is set and that of every q clear, so that t carries its
// choice as its lowest bit. docs/silent-ot.md: what is assumed, and how n, k, tau were
// chosen.
//
// An object belongs to one thread. Sender and receiver have to be asked for the same
// numbers of transfers, one call after the other.
//
// CT: all functions leak parameters, numbers and sizes, never blocks, choices, pads,
// Delta or where noise is (R6).
#ifndef BH_MPC_FERRET_H
#define BH_MPC_FERRET_H

#include "mpc/block.h"
#include "mpc/rot.h"

// What every set claims; read by tools/lpn-estimate, which checks it.
#define BH_FERRET_SECURITY_BITS 128

// A set of parameters: public. A row of the code has BH_LPN_D entries.
typedef struct bh_ferret_params {
    const char *name;
    uint32_t k;   // blocks under the code
    uint32_t tau; // noise positions, a multiple of BH_HALF_TREES
    unsigned h;   // log2 of the length of a block of noise
} bh_ferret_params;

// Transfers of one iteration: made, spent and kept (M), handed out.
static inline size_t bh_ferret_n(const bh_ferret_params *p)
{
    return (size_t)p->tau << p->h;
}

static inline size_t bh_ferret_spent(const bh_ferret_params *p)
{
    return p->k + (size_t)p->tau * p->h;
}

static inline size_t bh_ferret_given(const bh_ferret_params *p)
{
    return bh_ferret_n(p) - bh_ferret_spent(p);
}

// The smallest set of which one iteration hands out `need`, or the largest set.
const bh_ferret_params *bh_ferret_pick(size_t need);
// All sets, from small to large: the i-th, or NULL behind the last.
const bh_ferret_params *bh_ferret_set(size_t i);

// Bytes of the message of one iteration.
size_t bh_ferret_message_bytes(const bh_ferret_params *p);

// Either party of one direction.
typedef struct bh_ferret bh_ferret;

// q, bh_ferret_spent(params) blocks, and delta: of correlated transfers that nothing
// else uses; copied. Their lowest bits are made what they have to be, but delta's is to
// be set: BH_ERR_ARG. params: borrowed, of this module. transcript: 32 bytes that both
// parties bind the code to, or NULL. Errors: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG,
// BH_ERR_PARAMS (bh_cpu_pick).
bh_status bh_ferret_new_sender(bh_ferret **out, const bh_ferret_params *params,
                               const bh_block *q, bh_block delta,
                               const uint8_t *transcript) BH_MUST_CHECK;
// t and c: the receiver's of the same transfers; c[i] is 0 or 1. Errors: as above.
bh_status bh_ferret_new_receiver(bh_ferret **out, const bh_ferret_params *params,
                                 const bh_block *t, const uint8_t *c,
                                 const uint8_t *transcript) BH_MUST_CHECK;
void bh_ferret_free(bh_ferret *f); // wipes; NULL is fine

// Bytes of the message for the next n transfers: whole iterations, none as long as
// what earlier ones left over is enough.
size_t bh_ferret_bytes(const bh_ferret *f, size_t n);
// A sender: fills out->m0 and out->m1, all out->n of them, and the message. Errors:
// BH_ERR_CRYPTO, with zeroes for outputs; then BH_ERR_STATE for ever.
bh_status bh_ferret_send(bh_ferret *f, bh_rot_supply *out,
                         uint8_t *message) BH_MUST_CHECK;
// A receiver: fills out->m and out->c, all out->n of them, from bh_ferret_bytes of
// message. Every message of that length is taken; a changed one makes wrong transfers
// and no more. Errors: as bh_ferret_send.
bh_status bh_ferret_receive(bh_ferret *f, bh_rot_supply *out,
                            const uint8_t *message) BH_MUST_CHECK;

#endif
