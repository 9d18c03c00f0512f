// SPDX-License-Identifier: Apache-2.0
// The client's handshake: the manifest, then a key of its own for this session.
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/secret.h"
#include "protocol/client_state.h"

static bh_status read_manifest(bh_client *c, bh_reader *r, bh_error *err)
{
    bh_status status = bh_plan_read(&c->plan, r, err);
    if (status != BH_OK) {
        return status;
    }
    if (bh_reader_finish(r) != BH_OK) {
        return bh_fail(err, BH_ERR_ENCODING, "the manifest has bytes behind its end");
    }
    if (c->options.guard != 0 && c->plan->guard != c->options.guard) {
        return bh_fail(err, BH_ERR_GUARD, "the server offers guard '%s', not '%s'",
                       bh_guard_name(c->plan->guard), bh_guard_name(c->options.guard));
    }
    if (bh_plan_sum(c->plan).answers > BH_ANSWERS_PER_KEY_MAX) {
        return bh_fail(err, BH_ERR_TOO_LARGE,
                       "one query would need more answers than one key may serve");
    }
    return BH_OK;
}

// The session's key: new, and bound to this server's nonce by the transcript.
static bh_status send_key(bh_client *c, const uint8_t transcript[32])
{
    uint8_t seed[BH_SEED_BYTES];
    bh_status status = bh_random_bytes(seed, sizeof seed);
    // The seed of a uniform part is sent in clear: it protects nothing.
    BH_DECLASSIFY(seed, sizeof seed);
    if (status == BH_OK) {
        status = bh_uniform_init(&c->uniform, transcript, seed);
    }
    if (status == BH_OK) {
        status = bh_secret_key_new(&c->sk, c->plan->he, &c->uniform);
    }
    if (status != BH_OK) {
        return status;
    }
    bh_frame_begin(&c->outbox.writer, BH_FRAME_CLIENT_KEY,
                   bh_message_key_bytes(c->plan));
    bh_writer_bytes(&c->outbox.writer, seed, sizeof seed);
    uint8_t *p0 = bh_writer_extend(&c->outbox.writer, bh_he_poly_bytes(c->plan->he));
    return p0 == NULL ? c->outbox.writer.status : bh_public_key_make(c->sk, p0);
}

bh_status bh_client_on_hello(bh_client *c, bh_error *err)
{
    bh_reader r = bh_reader_over(c->in.payload, c->in.len);
    uint16_t version;
    if (bh_hello_read(&r, BH_ROLE_SERVER, &version) != BH_OK) {
        return bh_fail(err, BH_ERR_PEER, "the peer is no bayhenn server");
    }
    if (version != BH_WIRE_VERSION) {
        return bh_fail(err, BH_ERR_VERSION,
                       "the server speaks protocol version %u, this client version %d",
                       version, BH_WIRE_VERSION);
    }
    const uint8_t *nonce = bh_reader_bytes(&r, 32);
    bh_status status = read_manifest(c, &r, err);
    if (status != BH_OK) {
        return status;
    }
    uint8_t transcript[32];
    status = bh_transcript(transcript, nonce, c->hello, c->in.payload, c->in.len);
    if (status == BH_OK) {
        status = send_key(c, transcript);
    }
    if (status == BH_OK) {
        status =
            c->plan->guard == BH_GUARD_SEALED
                ? bh_client_start_sealed(c, transcript)
                : bh_sampled_client_init(&c->sampled, c->plan, c->sk, c->options.pool);
    }
    if (status == BH_OK) {
        c->probabilities = bh_alloc(c->plan->graph->n_classes, sizeof(double));
        c->layers = bh_alloc(c->plan->n_layers, sizeof *c->layers);
        status = c->probabilities != NULL && c->layers != NULL ? BH_OK : BH_ERR_NOMEM;
    }
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    if (c->plan->guard == BH_GUARD_SAMPLED) {
        bh_client_expect_error_only(c);
        c->state = BH_CLIENT_READY;
    }
    return BH_OK;
}
