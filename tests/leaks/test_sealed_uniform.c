// SPDX-License-Identifier: Apache-2.0
// What each party of guard `sealed` sees of the other's numbers is uniform, whatever
// model and input are: every field of every message, every value that is opened within
// the protocol, and both parties' shares, over many queries with two models (all
// weights the largest there are, all zero) and two inputs (all 0, all 255).
//
// A field is judged by the four statistics of support/uniformity.h; all fields of all
// settings and all statistics have one probability of 1e-6 together to fail by chance.
//
// Not judged, with reasons:
// - ciphertexts: their distributions are those of src/he (test_noise, test_leaks);
// - points of base transfers: uniform on the curve, not as strings of bits;
// - what the last message reveals: the server's shares are uniform, and judged; with
//   the client's they are the result, which is what is revealed.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "model/draw.h"
#include "mpc/base_ot.h"
#include "mpc/bits.h"
#include "mpc/compare.h"
#include "mpc/digit.h"
#include "protocol/client_state.h"
#include "protocol/server_state.h"
#include "support/frames.h"
#include "support/sealed.h"
#include "support/uniformity.h"

enum { RUNS = 1000, SAMPLES = 2, GATES_MAX = 16 };

// One setting: a model, an input and what is revealed; and what was seen.
typedef struct setting {
    const char *name;
    int extreme; // weights: the largest, or none
    int light;   // pixels: 255, or 0
    bh_reveal reveal;
    bool ferret; // transfers of that kind
    uniform_set seen;
    const bh_plan *plan;
    session s;
    uint8_t *gates[GATES_MAX][BH_RELU_STEPS]; // messages of this query
} setting;

// ---- messages, field by field ----

static unsigned digits_of(unsigned bits)
{
    unsigned digits = (bits - 1 + 3) / 4;
    return digits < BH_COMPARE_DIGITS_MIN ? BH_COMPARE_DIGITS_MIN : digits;
}

// Fields of a gate's message, one after the other.
typedef struct cursor {
    setting *t;
    const bh_move *m;
    unsigned step;
    const uint8_t *at;
} cursor;

static void take(cursor *c, const char *what, unsigned number, size_t n_bits,
                 unsigned width)
{
    char name[64];
    snprintf(name, sizeof name, "gate %u step %u %s %u", c->m->gate, c->step, what,
             number);
    uniform_add(&c->t->seen, name, c->at, n_bits, width);
    c->at += (n_bits + 7) / 8;
}

static void take_planes(cursor *c, const char *what, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        take(c, what, i, c->m->gate_len, 1);
    }
}

static void see_gate(setting *t, const bh_move *m, unsigned step, const uint8_t *bytes,
                     size_t len)
{
    const unsigned digits = digits_of(m->bits);
    const size_t n = m->gate_len;
    cursor c = {t, m, step, bytes};
    if (step == 0) {
        for (unsigned q = 0; q < digits; q++) {
            take(&c, "choices of digit", q, 4 * n, 4);
        }
    } else if (step == 1) {
        for (unsigned q = 0; q < digits; q++) {
            unsigned width = 8 * (unsigned)bh_digit_table_bytes(1, q);
            take(&c, "table of digit", q, width * n, width);
        }
        take_planes(&c, "level 1 opening", bh_compare_openings(digits, 0));
    } else if (step == 2) {
        take_planes(&c, "level 1 opening", bh_compare_openings(digits, 0));
        take_planes(&c, "level 2 opening", bh_compare_openings(digits, 1));
    } else if (step == 3) {
        take_planes(&c, "level 2 opening", bh_compare_openings(digits, 1));
        take_planes(&c, "level 3 opening", bh_compare_openings(digits, 2));
        take_planes(&c, "case", 4);
    } else if (step == 4) {
        take_planes(&c, "level 3 opening", bh_compare_openings(digits, 2));
        take(&c, "product", 0, n * m->bits, m->bits);
        take_planes(&c, "correction", 1);
    } else {
        take(&c, "product", 0, n * m->bits, m->bits);
    }
    assert_int_equal(c.at - bytes, len); // no byte was left out
    assert_true(m->gate < GATES_MAX);
    free(t->gates[m->gate][step]);
    t->gates[m->gate][step] = malloc(len);
    memcpy(t->gates[m->gate][step], bytes, len);
}

// What both parties' openings of a level are together: values that both learn.
static void see_opened(setting *t, const bh_move *m)
{
    const unsigned digits = digits_of(m->bits);
    const size_t n = m->gate_len, plane = bh_plane_bytes(n);
    const size_t open[3] = {bh_compare_openings(digits, 0),
                            bh_compare_openings(digits, 1),
                            bh_compare_openings(digits, 2)};
    size_t tables = bh_relu_message_bytes(n, m->bits, 1) - open[0] * plane;
    uint8_t *const *step = t->gates[m->gate];
    // A level's planes begin at these places of two messages that follow each other.
    const size_t at[3][2] = {{tables, 0}, {open[0] * plane, 0}, {open[1] * plane, 0}};
    uint8_t *sum = malloc(plane);
    for (unsigned level = 0; level < 3; level++) {
        for (size_t i = 0; i < open[level]; i++) {
            const uint8_t *a = step[1 + level] + at[level][0] + i * plane;
            const uint8_t *b = step[2 + level] + at[level][1] + i * plane;
            char name[64];
            for (size_t k = 0; k < plane; k++) {
                sum[k] = a[k] ^ b[k];
            }
            snprintf(name, sizeof name, "gate %u opened, level %u, plane %zu", m->gate,
                     level + 1, i);
            uniform_add(&t->seen, name, sum, n, 1);
        }
    }
    free(sum);
}

static void see_part(setting *t, const bh_part *part, const uint8_t *bytes)
{
    const bh_move *m = &t->plan->script->moves[part->move];
    char name[64];
    unsigned width = m->bits;
    size_t n = m->in_len;
    if (part->bytes == 0) {
        return;
    }
    switch (part->kind) {
    case BH_PART_INPUT:
        snprintf(name, sizeof name, "layer %u x - r", m->layer);
        break;
    case BH_PART_GATE:
        see_gate(t, m, part->step, bytes, part->bytes);
        return;
    case BH_PART_TRUNCATION:
        width =
            part->step == 0 ? 1 : m->truncation.k - (m->truncation.l - m->truncation.f);
        snprintf(name, sizeof name, "layer %u truncation step %u", m->layer,
                 part->step);
        break;
    case BH_PART_OPENING:
        width = m->index_bits > 0 ? m->index_bits : m->bits;
        snprintf(name, sizeof name, "opening");
        break;
    }
    assert_int_equal(bh_bits_bytes(n, width), part->bytes);
    uniform_add(&t->seen, name, bytes, n * width, width);
}

static void see_flight(setting *t, const frame *f)
{
    const bh_script *s = t->plan->script;
    bh_reader r = bh_reader_over(f->bytes + BH_FRAME_HEADER_BYTES, f->len);
    uint32_t flight = bh_reader_u32(&r);
    const uint8_t *at =
        f->bytes + BH_FRAME_HEADER_BYTES + BH_MESSAGE_FLIGHT_HEADER_BYTES;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        if (s->parts[i].flight == flight) {
            see_part(t, &s->parts[i], at);
            at += s->parts[i].bytes;
        }
    }
    assert_ptr_equal(at, f->bytes + f->len);
}

// What makes transfers: behind the ciphertexts, or the points.
static void see_transfers(setting *t, const frame *f)
{
    const char *name = f->from_client ? "client's transfers" : "server's transfers";
    size_t from = BH_FRAME_HEADER_BYTES + BH_MESSAGE_PREPARE_HEADER_BYTES +
                  (f->from_client ? bh_plan_sum(t->plan).bytes_up
                                  : bh_plan_sum(t->plan).bytes_down);
    if (f->type == BH_FRAME_SETUP) {
        name = f->from_client ? "client's setup" : "server's setup";
        bool client_last = f->from_client && f->len > 1000;
        bool server_last =
            !f->from_client &&
            f->len == BH_FRAME_HEADER_BYTES + bh_message_setup_bytes(t->plan, 3);
        from = client_last   ? BH_FRAME_HEADER_BYTES + BH_BASE_OT_REPLY_BYTES
               : server_last ? BH_FRAME_HEADER_BYTES
                             : f->len;
    }
    char with_size[64]; // silent ones have one of two sizes
    snprintf(with_size, sizeof with_size, "%s, %zu bytes", name, f->len - from);
    assert_true(from <= f->len);
    uniform_add(&t->seen, with_size, f->bytes + from, 8 * (f->len - from), 8);
}

// The input that x - r hides, as if it were sent: has to be found.
static void see_input(uniform_set *bad, const setting *t, const frame *f)
{
    const bh_move *m = &t->plan->script->moves[0];
    bh_reader r = bh_reader_over(f->bytes + BH_FRAME_HEADER_BYTES, f->len);
    if (bh_reader_u32(&r) != 0) {
        return;
    }
    uint32_t *x = calloc(m->in_len, sizeof *x);
    bh_bits_unpack(x, f->bytes + BH_FRAME_HEADER_BYTES + BH_MESSAGE_FLIGHT_HEADER_BYTES,
                   m->in_len, m->bits);
    const uint32_t *mask = t->s.client->sealed.party.unit->input[0];
    for (size_t i = 0; i < m->in_len; i++) {
        x[i] += mask[i];
    }
    uniform_add_values(bad, "x itself", x, m->in_len, m->bits);
    free(x);
}

static void see_frame(setting *t, const frame *f, uniform_set *bad)
{
    switch (f->type) {
    case BH_FRAME_SETUP:
    case BH_FRAME_PREPARE:
    case BH_FRAME_PREPARED:
        see_transfers(t, f);
        break;
    case BH_FRAME_FLIGHT:
        see_flight(t, f);
        if (f->from_client) {
            see_input(bad, t, f);
        }
        break;
    default: // hellos, the key
        break;
    }
}

// ---- shares ----

static void see_shares(void *user, bool is_client, uint32_t layer, int stage,
                       const uint32_t *shares, size_t len)
{
    static const char *const stages[] = {"of the result", "in front of truncation",
                                         "behind truncation"};
    setting *t = user;
    unsigned bits = t->plan->layers[layer].t_bits;
    const bh_script *s = t->plan->script;
    for (uint32_t i = 0; i < s->n_moves && stage == 2; i++) {
        if (s->moves[i].kind == BH_MOVE_TRUNCATE && s->moves[i].layer == layer) {
            bits = s->moves[i].truncation.k;
        }
    }
    char name[64];
    snprintf(name, sizeof name, "%s's share of layer %u, %s",
             is_client ? "client" : "server", layer, stages[stage]);
    uniform_add_values(&t->seen, name, shares, len, bits);
}

// ---- runs ----

static void set_weights(bh_model *m, int extreme)
{
    for (uint32_t i = 0; i < bh_graph_linear_count(&m->graph) && !extreme; i++) {
        bh_int_posterior *p = bh_model_integer(m, 0, i);
        memset(p->weight_mean, 0, p->n_weights * sizeof *p->weight_mean);
        memset(p->weight_dev, 0, p->n_weights * sizeof *p->weight_dev);
        memset(p->bias_mean, 0, p->n_bias * sizeof *p->bias_mean);
        memset(p->bias_dev, 0, p->n_bias * sizeof *p->bias_dev);
    }
}

// All weights alike, as large as the quantisation has them: no deviations.
static bh_model *extreme_model(void)
{
    bh_graph *g = bh_alloc(1, sizeof *g);
    bh_model *m;
    float inputs[2 * SEALED_PIXELS];
    sealed_graph(g);
    assert_ok(bh_graph_check(g, NULL));
    assert_ok(bh_model_new(&m, g, 1));
    for (uint32_t i = 0; i < bh_graph_linear_count(g); i++) {
        for (size_t k = 0; k < bh_model_posterior(m, 0, i)->n_weights; k++) {
            bh_model_posterior(m, 0, i)->mean[k] = 0.5f;
        }
    }
    for (size_t i = 0; i < 2 * SEALED_PIXELS; i++) {
        inputs[i] = i < SEALED_PIXELS ? 0 : 1;
    }
    assert_ok(bh_model_quantise(m, inputs, 2, 8, 8, NULL));
    bh_free(g);
    return m;
}

static void run(setting *t, uniform_set *bad)
{
    bh_model *m = extreme_model();
    bh_error err = {0};
    bh_service_options options = {
        .guard = BH_GUARD_SEALED,
        .samples = SAMPLES,
        .reveal = t->reveal,
        .link = {.bytes_per_second = t->ferret ? BH_LINK_BYTES_ONLY : 1e12}};
    uint8_t pixels[SEALED_PIXELS];
    uint32_t queries = RUNS;
    memset(pixels, t->light ? 255 : 0, sizeof pixels);
    set_weights(m, t->extreme);
    if (session_start_with(&t->s, m, &options, &err) != BH_OK) {
        fail_msg("%s", err.message);
    }
    t->plan = t->s.service->plan;
    assert_int_equal(t->plan->supplier == BH_SUPPLIER_FERRET, t->ferret);
    bh_hooks_get()->on_shares = see_shares;
    bh_hooks_get()->user = t;
    for (frame f; (f = frames_next(&t->s, pixels, &queries)).bytes != NULL;
         frame_clear(&f)) {
        see_frame(t, &f, bad);
        bool opens = f.type == BH_FRAME_FLIGHT && !f.from_client;
        assert_ok(frames_give(&t->s, f.from_client, f.bytes, f.len, NULL));
        if (opens && bh_client_get_state(t->s.client) == BH_CLIENT_READY) {
            const bh_script *s = t->plan->script;
            for (uint32_t i = 0; i < s->n_moves; i++) {
                if (s->moves[i].gate_len > 0) {
                    see_opened(t, &s->moves[i]);
                }
            }
        }
    }
    bh_hooks_get()->on_shares = NULL;
    assert_int_equal(bh_server_queries(t->s.server), RUNS);
    t->plan = NULL;
    session_end(&t->s);
    bh_model_free(m);
}

static void clear(setting *t)
{
    for (size_t g = 0; g < GATES_MAX; g++) {
        for (size_t i = 0; i < BH_RELU_STEPS; i++) {
            free(t->gates[g][i]);
        }
    }
    uniform_clear(&t->seen);
}

// The number of fields beyond their limits; those are printed, and the worst.
static size_t judge(const uniform_set *s, const char *name, size_t tests, bool quiet)
{
    size_t beyond = 0, worst = 0, bits = 0;
    double largest = 0;
    for (size_t i = 0; i < s->count; i++) {
        uniform_verdict v = uniform_judge(&s->fields[i], tests);
        bits += s->fields[i].n_bits;
        if (v.worst > largest) {
            largest = v.worst;
            worst = i;
        }
        beyond += v.worst > 1;
        if (v.worst > 1 && !quiet) {
            printf("%s: %s: bytes %.2f, bits %.2f, largest %.2f, value %.2f of their "
                   "limits\n",
                   name, s->fields[i].name, v.bytes, v.bits, v.largest, v.value);
        }
    }
    printf("%s: %zu fields, %zu bits, %u runs; at most %.2f of a limit (%s)\n", name,
           s->count, bits, RUNS, largest, s->fields[worst].name);
    return beyond;
}

static void test_every_field(void **state)
{
    (void)state;
    setting settings[] = {
        {"no weights, dark", 0, 0, BH_REVEAL_LOGITS, false, {0}, NULL, {0}, {{0}}},
        {"no weights, light", 0, 1, BH_REVEAL_LOGITS, false, {0}, NULL, {0}, {{0}}},
        {"largest weights, dark", 1, 0, BH_REVEAL_LOGITS, false, {0}, NULL, {0}, {{0}}},
        {"largest weights, light",
         1,
         1,
         BH_REVEAL_LOGITS,
         false,
         {0},
         NULL,
         {0},
         {{0}}},
        {"largest, light, label, Ferret",
         1,
         1,
         BH_REVEAL_LABEL,
         true,
         {0},
         NULL,
         {0},
         {{0}}},
    };
    enum { N = sizeof settings / sizeof settings[0] };
    uniform_set bad[N] = {{0}};
    size_t tests = 0, beyond = 0;
    for (size_t i = 0; i < N; i++) {
        run(&settings[i], &bad[i]);
        tests += settings[i].seen.count * UNIFORM_STATISTICS;
    }
    for (size_t i = 0; i < N; i++) {
        beyond += judge(&settings[i].seen, settings[i].name, tests, false);
        assert_int_equal(judge(&bad[i], "x without its mask", tests, true), 1);
        clear(&settings[i]);
        uniform_clear(&bad[i]);
    }
    printf("%zu tests, p = 1e-6 together\n", tests);
    assert_int_equal(beyond, 0);
}

// ---- the test can fail ----

// Random bytes with a flaw: the statistics have to find it, and nothing without one.
static double flawed(test_rng *rng, int flaw)
{
    enum { BITS = 4000, WIDTH = 20 };
    uniform_set s = {0};
    uint8_t bits[BITS / 8];
    for (int run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < sizeof bits && (flaw != 1 || run % 2 == 0); i++) {
            bits[i] = (uint8_t)(test_rng_next(rng) >> 24); // 1: masks that serve twice
        }
        if (flaw == 2) { // one bit of one value is not masked
            bits[BITS / 16] |= 8;
        }
        for (size_t i = 0; flaw == 3 && i < BITS; i += WIDTH) { // top bits, a little
            bits[(i + WIDTH - 1) / 8] &=
                (uint8_t) ~((test_rng_next(rng) >> 60 == 0) << ((i + WIDTH - 1) % 8));
        }
        for (size_t i = 0; flaw == 4 && i < sizeof bits; i++) { // a value too often
            bits[i] = test_rng_next(rng) >> 56 == 0 ? 0x5a : bits[i];
        }
        uniform_add(&s, "field", bits, BITS, WIDTH);
    }
    double worst = uniform_judge(&s.fields[0], 5000).worst;
    uniform_clear(&s);
    return worst;
}

static void test_flaws_are_found(void **state)
{
    (void)state;
    static const char *const flaws[] = {"none", "masks that serve twice",
                                        "one bit unmasked", "top bits 3 % too often 0",
                                        "a byte twice as often"};
    test_rng rng = test_rng_new("flaws are found");
    for (int flaw = 0; flaw <= 4; flaw++) {
        double worst = flawed(&rng, flaw);
        printf("%s: %.2f of a limit\n", flaws[flaw], worst);
        assert_true((worst > 1) == (flaw > 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flaws_are_found),
        cmocka_unit_test(test_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
