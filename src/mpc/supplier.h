// SPDX-License-Identifier: Apache-2.0
// What a session makes random transfers with, in both directions: base transfers once,
// then as many batches as queries need. One object per party; messages of fixed sizes.
//
//   setup step 0  client: offer of base transfers
//         step 1  server: reply; its own offer
//         step 2  client: reply; its end of the extension
//         step 3  server: its end of the extension
//   then, for every batch,
//         step 0  client
//         step 1  server
//
// A client that is_ready may write the first batch before it has read setup step 3.
// CT: leaks sizes and numbers, never pads, choices, keys or Delta.
#ifndef BH_MPC_SUPPLIER_H
#define BH_MPC_SUPPLIER_H

#include <stdbool.h>

#include "mpc/rot.h"

#define BH_SUPPLIER_SETUP_STEPS 4

// How transfers are extended: a choice of the plan, by link and need.
typedef enum bh_supplier_kind {
    BH_SUPPLIER_SOFTSPOKEN = 1, // mpc/softspoken.h, k = 4: 3.9 bytes a transfer
    BH_SUPPLIER_FERRET = 2,     // mpc/ferret.h: a fraction of a byte, more computing,
                                // and a longer setup
} bh_supplier_kind;

bool bh_supplier_kind_ok(unsigned kind);
const char *bh_supplier_name(bh_supplier_kind kind);

// The transfers of a batch, by who receives them.
typedef struct bh_supplier_batch {
    size_t client_receives, server_receives;
} bh_supplier_batch;

static inline size_t bh_supplier_received(const bh_supplier_batch *batch,
                                          bool by_client)
{
    return by_client ? batch->client_receives : batch->server_receives;
}

size_t bh_supplier_setup_bytes(bh_supplier_kind kind, bh_supplier_batch batch,
                               unsigned step);
// Transfers that are made in the setup, both ways, for Ferret to start from.
size_t bh_supplier_bootstrap(bh_supplier_kind kind, bh_supplier_batch batch);
// Of the messages of a batch; silent ones differ from batch to batch, in a way that
// both parties know: the mean of many, rounded up.
size_t bh_supplier_batch_bytes(bh_supplier_kind kind, bh_supplier_batch batch,
                               unsigned step);

typedef struct bh_supplier bh_supplier;

// Errors of all: BH_ERR_NOMEM, BH_ERR_CRYPTO, BH_ERR_RNG; BH_ERR_ENCODING where the
// peer's base transfers are none; BH_ERR_STATE out of order.
// All batches of a session are alike. transcript: 32 bytes that both parties share.
bh_status bh_supplier_new(bh_supplier **out, bh_supplier_kind kind,
                          bh_supplier_batch batch, bool is_client,
                          const uint8_t *transcript) BH_MUST_CHECK;
void bh_supplier_free(bh_supplier *s); // wipes

// The client writes steps 0 and 2 and reads 1 and 3, the server the other way round;
// each in order.
bh_status bh_supplier_setup_write(bh_supplier *s, unsigned step,
                                  uint8_t *message) BH_MUST_CHECK;
bh_status bh_supplier_setup_read(bh_supplier *s, unsigned step,
                                 const uint8_t *message) BH_MUST_CHECK;

// Whether the next batch can be written.
bool bh_supplier_is_ready(const bh_supplier *s);
// Bytes of this party's message of the next batch (step 0 of the client, step 1 of the
// server), and of the peer's.
size_t bh_supplier_write_bytes(const bh_supplier *s);
size_t bh_supplier_read_bytes(const bh_supplier *s);
// receive and send have room for the batch's transfers and are both filled when a party
// has written and read its messages.
bh_status bh_supplier_write(bh_supplier *s, bh_rot_supply *receive, bh_rot_supply *send,
                            uint8_t *message) BH_MUST_CHECK;
bh_status bh_supplier_read(bh_supplier *s, bh_rot_supply *receive, bh_rot_supply *send,
                           const uint8_t *message) BH_MUST_CHECK;

#endif
