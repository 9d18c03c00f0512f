// SPDX-License-Identifier: Apache-2.0
#include "mpc/supplier.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "mpc/ferret.h"
#include "mpc/softspoken.h"

// k of SoftSpoken: for all transfers, and for the few that Ferret starts from. k = 8
// for all costs more than Ferret on any link.
#define K           4
#define K_BOOTSTRAP 8

struct bh_supplier {
    bh_supplier_kind kind;
    size_t n_receive, n_send; // of a batch
    uint8_t transcript[32];
    bh_base_sender *base;                  // until the peer's reply has come
    uint8_t offer[BH_BASE_OT_OFFER_BYTES]; // the peer's
    bh_block keys[BH_KAPPA][2];            // of base transfers sent
    bh_block received[BH_KAPPA];           // of those received, by the bits of delta
    bh_block delta;
    bh_softspoken_receiver *receiver;
    bh_softspoken_sender *sender;
    bh_ferret *silent_receiver, *silent_sender;
};

bool bh_supplier_kind_ok(unsigned kind)
{
    return kind >= BH_SUPPLIER_SOFTSPOKEN && kind <= BH_SUPPLIER_FERRET;
}

const char *bh_supplier_name(bh_supplier_kind kind)
{
    return kind == BH_SUPPLIER_FERRET ? "Ferret" : "SoftSpoken";
}

static unsigned k_of(bh_supplier_kind kind)
{
    return kind == BH_SUPPLIER_FERRET ? K_BOOTSTRAP : K;
}

// What a direction with batches of n transfers starts from; 0 but for Ferret.
static size_t bootstrap(bh_supplier_kind kind, size_t n)
{
    return kind == BH_SUPPLIER_FERRET ? bh_ferret_spent(bh_ferret_pick(n)) : 0;
}

size_t bh_supplier_bootstrap(bh_supplier_kind kind, bh_supplier_batch batch)
{
    return bootstrap(kind, batch.client_receives) +
           bootstrap(kind, batch.server_receives);
}

// The receiver's end of a direction with batches of n transfers.
static size_t end_bytes(bh_supplier_kind kind, size_t n)
{
    size_t silent = bootstrap(kind, n);
    return BH_SOFTSPOKEN_SETUP_BYTES +
           (silent > 0 ? bh_softspoken_message_bytes(K_BOOTSTRAP, silent) : 0);
}

size_t bh_supplier_setup_bytes(bh_supplier_kind kind, bh_supplier_batch batch,
                               unsigned step)
{
    const size_t bytes[BH_SUPPLIER_SETUP_STEPS] = {
        BH_BASE_OT_OFFER_BYTES, BH_BASE_OT_REPLY_BYTES + BH_BASE_OT_OFFER_BYTES,
        BH_BASE_OT_REPLY_BYTES + end_bytes(kind, batch.client_receives),
        end_bytes(kind, batch.server_receives)};
    return bytes[step];
}

static size_t silent_bytes(size_t n)
{
    const bh_ferret_params *params = bh_ferret_pick(n);
    double iterations = (double)n / (double)bh_ferret_given(params);
    return (size_t)(iterations * (double)bh_ferret_message_bytes(params)) + 1;
}

// SoftSpoken's receiver speaks, Ferret's sender does.
size_t bh_supplier_batch_bytes(bh_supplier_kind kind, bh_supplier_batch batch,
                               unsigned step)
{
    size_t received = bh_supplier_received(&batch, step == 0);
    size_t sent = bh_supplier_received(&batch, step != 0);
    return kind == BH_SUPPLIER_FERRET
               ? silent_bytes(sent)
               : bh_softspoken_message_bytes(k_of(kind), received);
}

bh_status bh_supplier_new(bh_supplier **out, bh_supplier_kind kind,
                          bh_supplier_batch batch, bool is_client,
                          const uint8_t *transcript)
{
    bh_supplier *s = bh_alloc(1, sizeof *s);
    *out = s;
    if (s == NULL) {
        return BH_ERR_NOMEM;
    }
    s->kind = kind;
    s->n_receive = bh_supplier_received(&batch, is_client);
    s->n_send = bh_supplier_received(&batch, !is_client);
    memcpy(s->transcript, transcript, sizeof s->transcript);
    bh_status status = bh_random_bytes((uint8_t *)s->delta.w, sizeof s->delta.w);
    if (kind == BH_SUPPLIER_FERRET) {
        s->delta.w[0] |= 1; // so that a block carries its choice (mpc/ferret.h)
    }
    if (status != BH_OK) {
        bh_supplier_free(s);
        *out = NULL;
    }
    return status;
}

void bh_supplier_free(bh_supplier *s)
{
    if (s != NULL) {
        bh_base_sender_free(s->base);
        bh_softspoken_receiver_free(s->receiver);
        bh_softspoken_sender_free(s->sender);
        bh_ferret_free(s->silent_receiver);
        bh_ferret_free(s->silent_sender);
        bh_free(s);
    }
}

static bh_status finish_base(bh_supplier *s, const uint8_t *reply)
{
    if (s->base == NULL) {
        return BH_ERR_STATE;
    }
    bh_status status = bh_base_sender_finish(s->base, s->keys, reply);
    bh_base_sender_free(s->base);
    s->base = NULL;
    return status;
}

static bh_status reply_to_offer(bh_supplier *s, uint8_t *reply)
{
    return bh_base_receive(reply, s->received, s->delta, s->offer);
}

static bh_status begin_silent_receiving(bh_supplier *s, uint8_t *message)
{
    size_t n = bootstrap(s->kind, s->n_receive);
    bh_block *t = bh_alloc(n, sizeof *t);
    uint8_t *c = bh_alloc(n, sizeof *c);
    bh_status status =
        t != NULL && c != NULL
            ? bh_softspoken_receive_correlated(s->receiver, t, c, n, message)
            : BH_ERR_NOMEM;
    if (status == BH_OK) {
        status = bh_ferret_new_receiver(
            &s->silent_receiver, bh_ferret_pick(s->n_receive), t, c, s->transcript);
    }
    bh_free(t);
    bh_free(c);
    bh_softspoken_receiver_free(s->receiver);
    s->receiver = NULL;
    return status;
}

static bh_status begin_silent_sending(bh_supplier *s, const uint8_t *message)
{
    size_t n = bootstrap(s->kind, s->n_send);
    bh_block *q = bh_alloc(n, sizeof *q);
    bh_status status = q != NULL
                           ? bh_softspoken_send_correlated(s->sender, q, n, message)
                           : BH_ERR_NOMEM;
    if (status == BH_OK) {
        status = bh_ferret_new_sender(&s->silent_sender, bh_ferret_pick(s->n_send), q,
                                      s->delta, s->transcript);
    }
    bh_free(q);
    bh_softspoken_sender_free(s->sender);
    s->sender = NULL;
    return status;
}

// The direction in which this party receives starts from the base transfers it sent.
static bh_status begin_receiving(bh_supplier *s, uint8_t *message)
{
    bh_status status = bh_softspoken_receiver_new(&s->receiver, k_of(s->kind), message,
                                                  (const bh_block(*)[2])s->keys);
    bh_wipe(s->keys, sizeof s->keys); // the trees are there
    return status == BH_OK && s->kind == BH_SUPPLIER_FERRET
               ? begin_silent_receiving(s, message + BH_SOFTSPOKEN_SETUP_BYTES)
               : status;
}

static bh_status begin_sending(bh_supplier *s, const uint8_t *message)
{
    bh_status status = bh_softspoken_sender_new(&s->sender, k_of(s->kind), message,
                                                s->received, s->delta);
    bh_wipe(s->received, sizeof s->received);
    if (status == BH_OK && s->kind == BH_SUPPLIER_FERRET) {
        status = begin_silent_sending(s, message + BH_SOFTSPOKEN_SETUP_BYTES);
    }
    bh_wipe(&s->delta, sizeof s->delta); // whoever needs it has it
    return status;
}

bh_status bh_supplier_setup_write(bh_supplier *s, unsigned step, uint8_t *message)
{
    uint8_t *second = message + BH_BASE_OT_REPLY_BYTES;
    bh_status status;
    switch (step) {
    case 0:
        return bh_base_sender_new(&s->base, message);
    case 1:
        status = reply_to_offer(s, message);
        return status == BH_OK ? bh_base_sender_new(&s->base, second) : status;
    case 2:
        status = reply_to_offer(s, message);
        return status == BH_OK ? begin_receiving(s, second) : status;
    default:
        return begin_receiving(s, message);
    }
}

bh_status bh_supplier_setup_read(bh_supplier *s, unsigned step, const uint8_t *message)
{
    const uint8_t *second = message + BH_BASE_OT_REPLY_BYTES;
    bh_status status;
    switch (step) {
    case 0:
        memcpy(s->offer, message, sizeof s->offer);
        return BH_OK;
    case 1:
        memcpy(s->offer, second, sizeof s->offer);
        return finish_base(s, message);
    case 2:
        status = finish_base(s, message);
        return status == BH_OK ? begin_sending(s, second) : status;
    default:
        return begin_sending(s, message);
    }
}

bool bh_supplier_is_ready(const bh_supplier *s)
{
    return s->kind == BH_SUPPLIER_FERRET
               ? s->silent_receiver != NULL && s->silent_sender != NULL
               : s->receiver != NULL;
}

size_t bh_supplier_write_bytes(const bh_supplier *s)
{
    return s->kind == BH_SUPPLIER_FERRET
               ? bh_ferret_bytes(s->silent_sender, s->n_send)
               : bh_softspoken_message_bytes(k_of(s->kind), s->n_receive);
}

size_t bh_supplier_read_bytes(const bh_supplier *s)
{
    return s->kind == BH_SUPPLIER_FERRET
               ? bh_ferret_bytes(s->silent_receiver, s->n_receive)
               : bh_softspoken_message_bytes(k_of(s->kind), s->n_send);
}

bh_status bh_supplier_write(bh_supplier *s, bh_rot_supply *receive, bh_rot_supply *send,
                            uint8_t *message)
{
    if (!bh_supplier_is_ready(s)) {
        return BH_ERR_STATE;
    }
    return s->kind == BH_SUPPLIER_FERRET
               ? bh_ferret_send(s->silent_sender, send, message)
               : bh_softspoken_receive(s->receiver, receive, message);
}

bh_status bh_supplier_read(bh_supplier *s, bh_rot_supply *receive, bh_rot_supply *send,
                           const uint8_t *message)
{
    if (s->kind == BH_SUPPLIER_FERRET) {
        return s->silent_receiver != NULL
                   ? bh_ferret_receive(s->silent_receiver, receive, message)
                   : BH_ERR_STATE;
    }
    return s->sender != NULL ? bh_softspoken_send(s->sender, send, message)
                             : BH_ERR_STATE;
}
