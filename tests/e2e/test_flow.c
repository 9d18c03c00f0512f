// SPDX-License-Identifier: Apache-2.0
// Who may send what when: a peer that sends and does not read makes an engine hold no
// more than S messages (R7), in whatever order it sends. The peer is forged here, so
// that it can say what an honest one never would.
#include <string.h>

#include "base/memory.h"
#include "protocol/message.h"
#include "protocol/service.h"
#include "support/random_model.h"
#include "support/session.h"
#include "support/test.h"

enum { SAMPLES = 3 };

typedef struct fixture {
    bh_model *model;
    session s;
    const bh_plan *plan;
    uint32_t last; // layer
    uint64_t counter;
    uint8_t *pixels;
} fixture;

static void set_up(fixture *f, const char *name)
{
    test_rng rng = test_rng_new(name);
    *f = (fixture){0};
    do {
        bh_model_free(f->model);
        f->model = random_model(&rng);
        f->last = bh_graph_linear_count(&f->model->graph) - 1;
    } while (f->last < 2);
    f->pixels = bh_alloc(bh_shape_len(f->model->graph.input.shape), 1);
    session_connect(&f->s, f->model, SAMPLES, SIZE_MAX);
    f->plan = f->s.service->plan;
}

static void reopen(fixture *f)
{
    session_close(&f->s);
    assert_ok(session_open(&f->s));
    assert_ok(session_pump(&f->s, SIZE_MAX, NULL));
    f->counter = 0;
}

static void tear_down(fixture *f)
{
    session_end(&f->s);
    bh_free(f->pixels);
    bh_model_free(f->model);
}

// A frame of one sample with zeroes for ciphertexts.
static bh_writer forge(bh_frame_type type, uint32_t len, uint32_t layer,
                       uint32_t sample, uint64_t number)
{
    bh_writer w = {0};
    bh_frame_begin(&w, type, len);
    bh_writer_u32(&w, layer);
    bh_writer_u32(&w, sample);
    bh_writer_u64(&w, number);
    assert_non_null(bh_writer_extend(&w, len - BH_MESSAGE_SAMPLE_HEADER_BYTES));
    return w;
}

static bh_status upload(fixture *f, uint32_t layer, uint32_t sample)
{
    bh_writer w = forge(BH_FRAME_UPLOAD, bh_message_upload_bytes(f->plan, layer), layer,
                        sample, f->counter);
    bh_status status = bh_server_feed(f->s.server, w.data, w.len, NULL);
    bh_writer_clear(&w);
    f->counter += f->plan->layers[layer].linear.n_uploads;
    return status;
}

static void work(fixture *f, int times)
{
    for (int i = 0; i < times; i++) {
        assert_ok(bh_server_work(f->s.server, NULL));
    }
}

static size_t server_waiting(const fixture *f)
{
    size_t len;
    (void)bh_server_output(f->s.server, &len);
    return len;
}

static size_t answer_frame(const fixture *f, uint32_t layer)
{
    return BH_FRAME_HEADER_BYTES + bh_message_answer_bytes(f->plan, layer);
}

static size_t upload_frame(const fixture *f, uint32_t layer)
{
    return BH_FRAME_HEADER_BYTES + bh_message_upload_bytes(f->plan, layer);
}

// An answered query, read as slowly as is allowed: one answer after the other, the
// uploads of the next layer right behind. Leaves the last layer's answers unread.
static void read_slowly(fixture *f)
{
    assert_ok(upload(f, 0, 0));
    work(f, SAMPLES);
    for (uint32_t layer = 1; layer <= f->last; layer++) {
        for (uint32_t s = 0; s < SAMPLES; s++) {
            bh_server_sent(f->s.server, answer_frame(f, layer - 1));
            assert_ok(upload(f, layer, s));
            work(f, 1);
            assert_true(server_waiting(f) ==
                        (SAMPLES - 1 - s) * answer_frame(f, layer - 1) +
                            (s + 1) * answer_frame(f, layer));
        }
    }
    assert_status(bh_server_work(f->s.server, NULL), BH_WANT_MORE);
    assert_int_equal(bh_server_queries(f->s.server), 1);
}

static void test_slow_reader(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "slow reader");
    read_slowly(&f);
    bh_server_sent(f.s.server, server_waiting(&f));
    assert_ok(upload(&f, 0, 0)); // the next query
    tear_down(&f);
}

// One byte of the answer that an upload must follow still waits.
static void test_unread_answers(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "unread answers");
    for (uint32_t stop = 0; stop < SAMPLES; stop++) {
        assert_ok(upload(&f, 0, 0));
        work(&f, SAMPLES);
        for (uint32_t s = 0; s < stop; s++) {
            bh_server_sent(f.s.server, answer_frame(&f, 0));
            assert_ok(upload(&f, 1, s));
            work(&f, 1);
        }
        bh_server_sent(f.s.server, answer_frame(&f, 0) - 1);
        assert_status(upload(&f, 1, stop), BH_ERR_PEER);
        reopen(&f);
    }
    read_slowly(&f);
    bh_server_sent(f.s.server, server_waiting(&f) - 1);
    assert_status(upload(&f, 0, 0), BH_ERR_PEER);
    tear_down(&f);
}

// The answer that an upload must follow is not even computed.
static void test_uncomputed_answers(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "uncomputed answers");
    for (int computed = 0; computed < SAMPLES; computed++) {
        assert_ok(upload(&f, 0, 0));
        work(&f, computed);
        bh_server_sent(f.s.server, server_waiting(&f));
        for (int s = 0; s < computed; s++) {
            assert_ok(upload(&f, 1, (uint32_t)s));
        }
        assert_status(upload(&f, 1, (uint32_t)computed), BH_ERR_PEER);
        reopen(&f);
    }
    tear_down(&f);
}

// Orders that never are: a sample again, the next but one, a layer early, layer 0
// twice.
static void test_order(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "order");
    const uint32_t wrong[][2] = {{1, 0}, {1, 2}, {0, 0}, {0, 1}, {2, 0}, {2, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_ok(upload(&f, 0, 0));
        work(&f, SAMPLES);
        bh_server_sent(f.s.server, server_waiting(&f));
        assert_ok(upload(&f, 1, 0));
        bh_status status = upload(&f, wrong[i][0], wrong[i][1]);
        assert_true(status == BH_ERR_PEER || status == BH_ERR_ENCODING ||
                    status == BH_ERR_TOO_LARGE); // a length of another layer
        reopen(&f);
    }
    tear_down(&f);
}

// What a session holds goes back with the last answer of a query.
static void test_nothing_kept(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "nothing kept");
    const uint8_t *data;
    size_t len;
    read_slowly(&f);
    bh_server_sent(f.s.server, server_waiting(&f));
    data = bh_server_output(f.s.server, &len);
    assert_null(data);
    assert_int_equal(len, 0);
    tear_down(&f);
}

// ---- a forged server ----

static bh_status answer(fixture *f, uint32_t layer, uint32_t sample)
{
    bh_writer w = forge(BH_FRAME_ANSWER, bh_message_answer_bytes(f->plan, layer), layer,
                        sample, 0);
    bh_status status = bh_client_feed(f->s.client, w.data, w.len, NULL);
    bh_writer_clear(&w);
    return status;
}

static size_t client_waiting(const fixture *f)
{
    size_t len;
    (void)bh_client_output(f->s.client, &len);
    return len;
}

// Answers to what was not sent yet, by a byte; before that to what was.
static void test_early_answers(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "early answers");
    for (uint32_t stop = 0; stop <= SAMPLES; stop++) {
        assert_ok(bh_client_query(f.s.client, f.pixels, NULL));
        bh_client_sent(f.s.client, upload_frame(&f, 0) - (stop == SAMPLES));
        if (stop == SAMPLES) {
            assert_status(answer(&f, 0, 0), BH_ERR_PEER);
            break;
        }
        for (uint32_t s = 0; s < SAMPLES; s++) {
            assert_ok(answer(&f, 0, s));
            assert_int_equal(client_waiting(&f), (s + 1) * upload_frame(&f, 1));
        }
        for (uint32_t s = 0; s < stop; s++) {
            bh_client_sent(f.s.client, upload_frame(&f, 1));
            assert_ok(answer(&f, 1, s));
        }
        bh_client_sent(f.s.client, upload_frame(&f, 1) - 1);
        assert_status(answer(&f, 1, stop), BH_ERR_PEER);
        assert_int_equal(bh_client_get_state(f.s.client), BH_CLIENT_FAILED);
        reopen(&f);
    }
    tear_down(&f);
}

static void test_answer_order(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, "answer order");
    const uint32_t wrong[][2] = {{0, 0}, {0, 2}, {1, 0}, {1, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_ok(bh_client_query(f.s.client, f.pixels, NULL));
        bh_client_sent(f.s.client, client_waiting(&f));
        assert_ok(answer(&f, 0, 0));
        bh_client_sent(f.s.client, client_waiting(&f));
        bh_status status = answer(&f, wrong[i][0], wrong[i][1]);
        assert_true(status == BH_ERR_PEER || status == BH_ERR_ENCODING ||
                    status == BH_ERR_TOO_LARGE);
        reopen(&f);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_reader),  cmocka_unit_test(test_unread_answers),
        cmocka_unit_test(test_order),        cmocka_unit_test(test_uncomputed_answers),
        cmocka_unit_test(test_nothing_kept), cmocka_unit_test(test_early_answers),
        cmocka_unit_test(test_answer_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
