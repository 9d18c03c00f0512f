// SPDX-License-Identifier: Apache-2.0
// The two engines against everything that may go wrong between them: one byte at a
// time, truncations, lengths, replays, values out of range, random damage, failing
// machines.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "model/draw.h"
#include "protocol/message.h"
#include "protocol/service.h"
#include "support/exact.h"
#include "support/faults.h"
#include "support/random_model.h"
#include "support/test.h"

// A small network with two linear layers, so that a query has two rounds.
static bh_graph *small_graph(void)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    *g = (bh_graph){.name = "small", .dataset = "none", .n_layers = 4, .n_classes = 3};
    g->input = (bh_input){.shape = {1, 6, 6}, .dev = {1}};
    g->layers[0] = (bh_layer){.kind = BH_LAYER_CONV2D,
                              .out_channels = 2,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride = 1};
    g->layers[1] = (bh_layer){.kind = BH_LAYER_RELU};
    g->layers[2] = (bh_layer){.kind = BH_LAYER_FLATTEN};
    g->layers[3] = (bh_layer){.kind = BH_LAYER_FC, .out_channels = 3};
    assert_ok(bh_graph_check(g, NULL));
    return g;
}

static bh_model *small_model(test_rng *rng)
{
    bh_graph *g = small_graph();
    bh_model *m = random_model_of(rng, g);
    bh_free(g);
    return m;
}

typedef struct fixture {
    bh_model *model;
    session s;
    uint8_t pixels[36];
    test_rng rng;
} fixture;

static void reopen(fixture *f)
{
    session_close(&f->s);
    assert_ok(session_open(&f->s));
}

static void set_up(fixture *f, const char *name)
{
    *f = (fixture){.rng = test_rng_new(name)};
    f->model = small_model(&f->rng);
    assert_ok(session_start(&f->s, f->model, 2, NULL));
    random_pixels(&f->rng, f->pixels, &f->model->graph);
}

static void tear_down(fixture *f)
{
    session_end(&f->s);
    bh_model_free(f->model);
}

// The client's messages of a session up to its first result: hello, key, then the
// uploads of layer 0, and of both samples of layer 1.
enum { HELLO, KEY, UPLOAD_0, UPLOAD_1_0, UPLOAD_1_1, MESSAGES };

// Takes the next frame that the client has to send.
static uint8_t *take_frame(fixture *f, size_t *len)
{
    const uint8_t *data = bh_client_output(f->s.client, len);
    assert_true(*len >= BH_FRAME_HEADER_BYTES);
    bh_reader r = bh_reader_over(data, *len);
    *len = BH_FRAME_HEADER_BYTES + bh_reader_u32(&r);
    uint8_t *copy = bh_alloc(*len, 1);
    memcpy(copy, data, *len);
    bh_client_sent(f->s.client, *len);
    return copy;
}

// Takes everything that an engine has to send.
static uint8_t *take_client(fixture *f, size_t *len)
{
    const uint8_t *data = bh_client_output(f->s.client, len);
    uint8_t *copy = bh_alloc(*len, 1);
    if (*len > 0) {
        memcpy(copy, data, *len);
    }
    bh_client_sent(f->s.client, *len);
    return copy;
}

static uint8_t *take_server(fixture *f, size_t *len)
{
    const uint8_t *data = bh_server_output(f->s.server, len);
    uint8_t *copy = bh_alloc(*len, 1);
    if (*len > 0) {
        memcpy(copy, data, *len);
    }
    bh_server_sent(f->s.server, *len);
    return copy;
}

// Advances an honest session to the point where message `index` is next, and returns
// that message.
static uint8_t *client_message(fixture *f, int index, size_t *len)
{
    for (int i = 0;; i++) {
        if (i == UPLOAD_0) {
            assert_ok(bh_client_query(f->s.client, f->pixels, NULL));
        }
        uint8_t *message = take_frame(f, len);
        if (i == index) {
            return message;
        }
        assert_ok(session_serve(&f->s, message, *len, NULL));
        bh_free(message);
        size_t answer_len;
        uint8_t *answer = take_server(f, &answer_len);
        assert_ok(bh_client_feed(f->s.client, answer, answer_len, NULL));
        bh_free(answer);
    }
}

// The server must refuse these bytes, with one uniform error frame, and stay closed.
static void assert_refused(fixture *f, const uint8_t *bytes, size_t len,
                           bh_status expected)
{
    static const uint8_t uniform[] = {
        3, 0, 0, 0, BH_FRAME_ERROR, BH_MESSAGE_ERROR_REFUSED, BH_WIRE_VERSION, 0};
    bh_error err = {0};
    bh_status status = session_serve(&f->s, bytes, len, &err);
    assert_status(status, expected);
    assert_true(err.message[0] != '\0');
    size_t out_len;
    uint8_t *out = take_server(f, &out_len);
    assert_int_equal(out_len, sizeof uniform);
    assert_memory_equal(out, uniform, sizeof uniform);
    bh_free(out);
    assert_status(bh_server_feed(f->s.server, bytes, 1, NULL), BH_ERR_STATE);
    assert_status(bh_server_work(f->s.server, NULL), BH_ERR_STATE);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("byte by byte");
    bh_model *m = small_model(&rng);
    uint8_t pixels[36];
    session pair;
    random_pixels(&rng, pixels, &m->graph);
    session_connect(&pair, m, 2, 1);
    assert_true(exact_query(&pair, m, pixels, 1) > 0);
    assert_true(exact_query(&pair, m, pixels, 1) > 0);
    session_end(&pair);
    bh_model_free(m);
}

// A message cut anywhere is waited for, not acted upon. (Every place of the hello;
// every 97th and the last of the long ones.)
static void test_truncations(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "truncations");
    for (int index = 0; index < MESSAGES; index++) {
        size_t len, out_len;
        uint8_t *message = client_message(&f, index, &len);
        size_t step = len < 100 ? 1 : 97;
        for (size_t at = 0; at + 1 < len; at += step) {
            size_t part = at + step < len - 1 ? step : len - 1 - at;
            assert_ok(bh_server_feed(f.s.server, message + at, part, NULL));
            bh_server_output(f.s.server, &out_len);
            assert_int_equal(out_len, 0);
        }
        assert_ok(bh_server_feed(f.s.server, message + len - 1, 1, NULL));
        bh_free(message);
        reopen(&f);
    }
    tear_down(&f);
}

static void put_length(uint8_t *message, uint32_t len)
{
    for (int i = 0; i < 4; i++) {
        message[i] = (uint8_t)(len >> (8 * i));
    }
}

// A length one off, or huge, is refused by the header alone, before memory is taken.
static void test_lengths(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "lengths");
    for (int index = 0; index < MESSAGES; index++) {
        for (int k = 0; k < 5; k++) {
            size_t len;
            uint8_t *message = client_message(&f, index, &len);
            uint32_t honest = (uint32_t)len - BH_FRAME_HEADER_BYTES;
            const uint32_t lengths[] = {honest + 1, honest - 1, 0, UINT32_MAX,
                                        honest + (uint32_t)47104};
            put_length(message, lengths[k]);
            size_t live = bh_hooks_get()->live_blocks;
            size_t taken = bh_hooks_get()->alloc_count;
            bh_status status =
                bh_server_feed(f.s.server, message, BH_FRAME_HEADER_BYTES, NULL);
            assert_status(status,
                          lengths[k] > honest ? BH_ERR_TOO_LARGE : BH_ERR_ENCODING);
            // At most the buffer of the error message was taken.
            assert_true(bh_hooks_get()->alloc_count <= taken + 1);
            assert_true(bh_hooks_get()->live_blocks <= live + 1);
            bh_free(message);
            reopen(&f);
        }
    }
    tear_down(&f);
}

static void refuse_changed(fixture *f, int index, size_t at, uint8_t byte,
                           bh_status expected)
{
    size_t len;
    uint8_t *message = client_message(f, index, &len);
    message[at] = byte;
    assert_refused(f, message, len, expected);
    bh_free(message);
    reopen(f);
}

static void test_refusals(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "refusals");
    size_t len, key_at = BH_FRAME_HEADER_BYTES + BH_SEED_BYTES;
    size_t upload_at = BH_FRAME_HEADER_BYTES + BH_MESSAGE_SAMPLE_HEADER_BYTES;
    size_t layer_at = BH_FRAME_HEADER_BYTES, sample_at = layer_at + 4,
           counter_at = sample_at + 4;
    // A frame of another type; of none.
    refuse_changed(&f, HELLO, 4, BH_FRAME_UPLOAD, BH_ERR_PEER);
    refuse_changed(&f, KEY, 4, BH_FRAME_CLIENT_HELLO, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_0, 4, BH_FRAME_CLIENT_KEY, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_0, 4, 0, BH_ERR_PEER);
    refuse_changed(&f, HELLO, 5, 'X', BH_ERR_PEER); // magic
    // A layer or a sample out of turn, a counter that goes back or ahead.
    refuse_changed(&f, UPLOAD_0, layer_at, 1, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_0, layer_at, 0, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_0, sample_at, 1, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_0, sample_at, 1, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_1, sample_at, 0, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_1, sample_at, 2, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_0, counter_at, 1, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_0, counter_at, 0, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_1, counter_at, 1, BH_ERR_PEER);
    refuse_changed(&f, UPLOAD_1_1, counter_at, 3, BH_ERR_PEER);
    // A coefficient of 46 ones is not below either prime: in the key, in an upload.
    const size_t starts[] = {key_at, upload_at, upload_at, upload_at};
    for (int index = KEY; index < MESSAGES; index++) {
        for (size_t prime = 0; prime < 2; prime++) {
            uint8_t *message = client_message(&f, index, &len);
            memset(message + starts[index - KEY] + prime * 4096 * 46 / 8, 0xff, 6);
            assert_refused(&f, message, len, BH_ERR_ENCODING);
            bh_free(message);
            reopen(&f);
        }
    }
    tear_down(&f);
}

// A second key in one session, an upload sent twice: a uniform part would serve twice.
static void test_replays(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "replays");
    for (int index = KEY; index < MESSAGES; index++) {
        size_t len, out_len;
        uint8_t *message = client_message(&f, index, &len);
        assert_ok(session_serve(&f.s, message, len, NULL));
        bh_free(take_server(&f, &out_len));
        bh_status status = session_serve(&f.s, message, len, NULL);
        assert_true(status == BH_ERR_PEER || status == BH_ERR_TOO_LARGE ||
                    status == BH_ERR_ENCODING);
        bh_free(message);
        reopen(&f);
    }
    tear_down(&f);
}

// The first upload of an answered query, replayed as the first of the next one.
static void test_old_query(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "old query");
    size_t old_len, len;
    uint8_t *old = client_message(&f, UPLOAD_0, &old_len);
    assert_ok(session_serve(&f.s, old, old_len, NULL));
    for (int round = 0; round < 2; round++) {
        uint8_t *answer = take_server(&f, &len);
        assert_ok(bh_client_feed(f.s.client, answer, len, NULL));
        bh_free(answer);
        uint8_t *upload = take_client(&f, &len);
        if (len > 0) {
            assert_ok(session_serve(&f.s, upload, len, NULL));
        }
        bh_free(upload);
    }
    assert_int_equal(bh_server_queries(f.s.server), 1);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_READY);
    assert_refused(&f, old, old_len, BH_ERR_PEER);
    bh_free(old);
    tear_down(&f);
}

// The server's hello with its manifest cut, damaged, or of another version.
static bh_status feed_hello(const uint8_t *hello, size_t len)
{
    bh_client *c;
    bh_error err = {0};
    bh_client_options options = {.guard = BH_GUARD_SAMPLED};
    assert_ok(bh_client_new(&c, &options));
    bh_status status = bh_client_feed(c, hello, len, &err);
    if (status != BH_OK) {
        assert_true(err.message[0] != '\0');
        assert_int_equal(bh_client_get_state(c), BH_CLIENT_FAILED);
    }
    bh_client_free(c);
    return status;
}

static uint8_t *server_hello(fixture *f, size_t *len)
{
    size_t hello_len;
    uint8_t *hello = take_client(f, &hello_len);
    assert_ok(bh_server_feed(f->s.server, hello, hello_len, NULL));
    bh_free(hello);
    return take_server(f, len);
}

static void test_manifests(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "manifests");
    size_t len;
    uint8_t *hello = server_hello(&f, &len);
    assert_ok(feed_hello(hello, len));
    // Every truncation whose length field says so too.
    for (size_t cut = BH_FRAME_HEADER_BYTES; cut < len; cut++) {
        put_length(hello, (uint32_t)(cut - BH_FRAME_HEADER_BYTES));
        bh_status status = feed_hello(hello, cut);
        assert_true(status != BH_OK || cut == BH_FRAME_HEADER_BYTES);
    }
    put_length(hello, (uint32_t)(len - BH_FRAME_HEADER_BYTES));
    // Every single damaged byte: refused, or a manifest that is as valid (a scale, a
    // name, a nonce); never anything else.
    size_t refused = 0;
    for (size_t at = BH_FRAME_HEADER_BYTES; at < len; at++) {
        uint8_t kept = hello[at];
        hello[at] ^= (uint8_t)(1 + test_rng_below(&f.rng, 255));
        refused += feed_hello(hello, len) != BH_OK;
        hello[at] = kept;
    }
    printf("%zu of %zu damaged bytes refused\n", refused, len - BH_FRAME_HEADER_BYTES);
    assert_true(refused > 50);
    hello[9]++; // version
    assert_status(feed_hello(hello, len), BH_ERR_VERSION);
    bh_free(hello);
    tear_down(&f);
}

static void test_versions(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "versions");
    size_t len, out_len;
    uint8_t *hello = take_client(&f, &len);
    hello[9]++; // the client's version
    assert_status(bh_server_feed(f.s.server, hello, len, NULL), BH_ERR_VERSION);
    uint8_t *error = take_server(&f, &out_len);
    bh_error err = {0};
    assert_status(bh_client_feed(f.s.client, error, out_len, &err), BH_ERR_VERSION);
    assert_non_null(strstr(err.message, "version"));
    bh_free(error);
    bh_free(hello);
    tear_down(&f);
}

// Random damage anywhere in the client's messages: refused, or answered with what its
// length must be; the process survives.
static void test_random_damage(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "random damage");
    size_t refused = 0;
    for (int round = 0; round < 200; round++) {
        size_t len;
        uint8_t *message = client_message(&f, round % MESSAGES, &len);
        size_t at = test_rng_below(&f.rng, len < 64 || round % 8 < 4 ? len : 64);
        message[at] ^= (uint8_t)(1u << test_rng_below(&f.rng, 8));
        refused += session_serve(&f.s, message, len, NULL) != BH_OK;
        bh_free(message);
        reopen(&f);
    }
    printf("%zu of 200 damaged messages refused\n", refused);
    tear_down(&f);
}

// Lengths of all messages both ways, in order.
static size_t message_lengths(const bh_model *m, const uint8_t *pixels, uint32_t *out)
{
    fixture f = {0};
    size_t count = 0;
    assert_ok(session_start(&f.s, m, 3, NULL));
    for (int moved = 1, asked = 0; moved;) {
        size_t up, down;
        uint8_t *message = take_client(&f, &up);
        assert_ok(session_serve(&f.s, message, up, NULL));
        uint8_t *answer = take_server(&f, &down);
        assert_ok(bh_client_feed(f.s.client, answer, down, NULL));
        bh_free(message);
        bh_free(answer);
        out[count++] = (uint32_t)up;
        out[count++] = (uint32_t)down;
        moved = up > 0 || down > 0;
        if (!moved && !asked) {
            assert_ok(bh_client_query(f.s.client, pixels, NULL));
            asked = moved = 1;
        }
    }
    session_end(&f.s);
    return count;
}

// Two models with one manifest and different weights, two inputs: the same messages
// (R6).
static void test_sizes_are_public(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "sizes");
    bh_model *other = small_model(&f.rng);
    uint32_t lengths[2][32];
    // One manifest: the other model takes over this one's graph, scales and all.
    other->graph = f.model->graph;
    for (uint32_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < bh_model_integer(other, 0, i)->n_weights; k++) {
            bh_model_integer(other, 0, i)->weight_mean[k] = 0; // nothing but zeroes
            bh_model_integer(other, 0, i)->weight_dev[k] = 0;
        }
    }
    uint8_t dark[36] = {0};
    size_t count = message_lengths(f.model, f.pixels, lengths[0]);
    assert_int_equal(message_lengths(other, dark, lengths[1]), count);
    assert_memory_equal(lengths[0], lengths[1], count * sizeof lengths[0][0]);
    assert_true(count >= 8 && count <= 32);
    bh_model_free(other);
    tear_down(&f);
}

// A whole session; returns the first failure.
static bh_status run_session(void *fixture_)
{
    const fixture *f = fixture_;
    session s;
    bh_status status = session_start(&s, f->model, 2, NULL);
    if (status == BH_OK) {
        status = session_pump(&s, SIZE_MAX, NULL);
    }
    if (status == BH_OK) {
        status = session_query(&s, f->pixels, SIZE_MAX, NULL);
    }
    session_end(&s);
    return status;
}

// The n-th allocation, then the n-th randomness call, fails, for every n of a session.
static void test_failing_machine(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "failing machine");
    bh_hooks *hooks = bh_hooks_get();
    assert_true(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, run_session, &f) > 20);
    assert_true(fail_each(&hooks->fail_random_at, BH_ERR_RNG, run_session, &f) > 20);
    tear_down(&f);
}

static void query(fixture *f)
{
    assert_ok(session_query(&f->s, f->pixels, SIZE_MAX, NULL));
}

// After 2^20 answers a key is retired (R2): the client stops asking, and a client that
// goes on is refused. One query of this model takes 4 answers: 2 layers, S = 2.
static void test_key_limit(void **state)
{
    (void)state;
    fixture f;
    bh_hooks *hooks = bh_hooks_get();
    set_up(&f, "key limit");
    bh_error err = {0};
    assert_ok(session_pump(&f.s, SIZE_MAX, NULL));
    query(&f);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_READY);
    hooks->answers_before = BH_ANSWERS_PER_KEY_MAX - 8;
    query(&f);
    assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_SPENT);
    assert_status(bh_client_query(f.s.client, f.pixels, &err), BH_ERR_STATE);
    assert_non_null(strstr(err.message, "connect again"));
    reopen(&f);
    hooks->answers_before = 0;
    assert_ok(session_pump(&f.s, SIZE_MAX, NULL));
    query(&f);
    // This client does not notice; the server does.
    assert_ok(bh_client_query(f.s.client, f.pixels, NULL));
    size_t len;
    uint8_t *upload = take_client(&f, &len);
    hooks->answers_before = BH_ANSWERS_PER_KEY_MAX - 5;
    assert_refused(&f, upload, len, BH_ERR_PEER);
    hooks->answers_before = 0;
    bh_free(upload);
    tear_down(&f);
}

// Of a message besides its ciphertexts.
enum { FRAME_BYTES = BH_FRAME_HEADER_BYTES + BH_MESSAGE_SAMPLE_HEADER_BYTES };

// Every look at this clock takes a millisecond.
static uint64_t ticking(void)
{
    static uint64_t now;
    return now += 1000;
}

static void check_layers(const bh_client_result *r, const bh_plan *plan)
{
    bh_client_layer sum = {0};
    double before = 0;
    for (uint32_t i = 0; i < r->n_layers; i++) {
        const bh_client_layer *l = &r->layers[i];
        uint32_t inputs = plan->layers[i].repeats.inputs;
        assert_int_equal(l->bytes_up, plan->layers[i].bytes_up + inputs * FRAME_BYTES);
        assert_int_equal(l->bytes_down,
                         plan->layers[i].bytes_down + plan->samples * FRAME_BYTES);
        // At least a millisecond for each sample; sums over samples.
        assert_true(l->encrypt_ms >= inputs && l->decrypt_ms >= plan->samples &&
                    l->server_ms >= plan->samples);
        assert_true(l->done_ms > before);
        before = l->done_ms;
        sum.encrypt_ms += l->encrypt_ms + l->decrypt_ms;
        sum.server_ms += l->server_ms;
        sum.bytes_up += l->bytes_up;
        sum.bytes_down += l->bytes_down;
    }
    assert_int_equal(sum.bytes_up, r->bytes_up);
    assert_int_equal(sum.bytes_down, r->bytes_down);
    assert_true(sum.server_ms == r->server_ms);
    assert_true(sum.encrypt_ms < r->client_ms);
}

static void test_statistics(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "statistics");
    session s = {0};
    bh_client_result result;
    bh_service_options options = {
        .guard = BH_GUARD_SAMPLED, .samples = 3, .clock = ticking};
    bh_client_options client_options = {.guard = BH_GUARD_SAMPLED, .clock = ticking};
    assert_ok(bh_service_new(&s.service, f.model, &options, NULL));
    assert_ok(bh_server_new(&s.server, s.service));
    assert_ok(bh_client_new(&s.client, &client_options));
    assert_ok(session_pump(&s, SIZE_MAX, NULL));
    for (int i = 0; i < 2; i++) { // of the last query alone
        assert_ok(session_query(&s, f.pixels, SIZE_MAX, NULL));
        assert_ok(bh_client_get_result(s.client, &result));
        assert_int_equal(result.rounds, 2);
        check_layers(&result, s.service->plan);
    }
    session_end(&s);
    tear_down(&f);
}

static void test_options(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("options");
    bh_model *m = small_model(&rng);
    bh_service *service;
    const bh_service_options bad[] = {{.guard = BH_GUARD_SAMPLED, .samples = 257},
                                      {.guard = BH_GUARD_SAMPLED, .samples = 0},
                                      {.guard = (bh_guard)3, .samples = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bh_error err = {0};
        assert_status(bh_service_new(&service, m, &bad[i], &err), BH_ERR_PARAMS);
        assert_true(err.message[0] != '\0');
        assert_null(service);
    }
    bh_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_by_byte),    cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_lengths),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_replays),         cmocka_unit_test(test_old_query),
        cmocka_unit_test(test_manifests),       cmocka_unit_test(test_versions),
        cmocka_unit_test(test_random_damage),   cmocka_unit_test(test_sizes_are_public),
        cmocka_unit_test(test_failing_machine), cmocka_unit_test(test_key_limit),
        cmocka_unit_test(test_statistics),      cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
