// SPDX-License-Identifier: Apache-2.0
// The script of guard `sealed`: who says what when, for random graphs and known ones.
#include <string.h>

#include "base/memory.h"
#include "infer/plan.h"
#include "model/synthetic.h"
#include "mpc/bits.h"
#include "mpc/relu.h"
#include "support/random_model.h"
#include "support/test.h"

enum { GRAPHS = 300 };

static bool is_client(uint32_t flight)
{
    return flight % 2 == 0;
}

// The parts of move i, in order of their steps.
static uint32_t parts_of(const bh_script *s, uint32_t i, bh_part parts[BH_RELU_STEPS])
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->n_parts; k++) {
        if (s->parts[k].move == i) {
            assert_true(n < BH_RELU_STEPS);
            assert_int_equal(s->parts[k].step, n);
            parts[n++] = s->parts[k];
        }
    }
    return n;
}

// Steps in flights of alternating parties, one behind the other, from the one who is
// to begin.
static void check_steps(const bh_part *parts, uint32_t n, bool client_begins)
{
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(parts[i].flight, parts[0].flight + i);
        assert_int_equal(is_client(parts[i].flight), client_begins == (i % 2 == 0));
    }
}

static void check_gate(const bh_move *m, const bh_part *parts, uint32_t n)
{
    assert_int_equal(n, BH_RELU_STEPS);
    check_steps(parts, n, m->client_is_x);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(parts[i].kind, BH_PART_GATE);
        assert_int_equal(parts[i].bytes,
                         bh_relu_message_bytes(m->gate_len, m->bits, i));
    }
}

static void check_move(const bh_script *s, uint32_t i)
{
    const bh_move *m = &s->moves[i];
    bh_part parts[BH_RELU_STEPS] = {{0}};
    uint32_t n = parts_of(s, i, parts);
    if (m->gate_len > 0) {
        check_gate(m, parts, n);
    } else if (m->kind == BH_MOVE_LINEAR) {
        assert_int_equal(n, 1);
        assert_int_equal(parts[0].kind, BH_PART_INPUT);
        assert_true(is_client(parts[0].flight));
        assert_int_equal(parts[0].bytes, bh_bits_bytes(m->in_len, m->bits));
    } else if (m->kind == BH_MOVE_TRUNCATE) {
        assert_int_equal(n, 2);
        check_steps(parts, n, m->client_chooses);
    } else if (m->kind == BH_MOVE_OPEN) {
        assert_int_equal(n, 1);
        assert_false(is_client(parts[0].flight));
        assert_int_equal(parts[0].flight, s->n_flights - 1);
        assert_int_equal(i, s->n_moves - 1);
    } else {
        assert_int_equal(n, 0); // local
    }
}

// Parts by flight; of one flight their bytes add up to its own; none is empty.
static void check_flights(const bh_script *s)
{
    assert_int_equal(s->n_flights % 2, 0); // the client begins, the server ends
    size_t *sums = bh_alloc(s->n_flights, sizeof *sums);
    for (uint32_t i = 0; i < s->n_parts; i++) {
        assert_true(s->parts[i].flight < s->n_flights);
        assert_true(i == 0 || s->parts[i].flight >= s->parts[i - 1].flight);
        sums[s->parts[i].flight] += s->parts[i].bytes;
    }
    for (uint32_t i = 0; i < s->n_flights; i++) {
        assert_int_equal(sums[i], s->flight_bytes[i]);
        assert_true(sums[i] > 0);
    }
    bh_free(sums);
}

// Both parties take the same numbers of transfers: those that one sends, the other one
// receives.
static void check_transfers(const bh_script *s)
{
    size_t client = 0, server = 0;
    uint64_t comparisons = 0;
    for (uint32_t i = 0; i < s->n_moves; i++) {
        const bh_move *m = &s->moves[i];
        if (m->gate_len > 0) {
            bh_relu_needs needs = bh_relu_count(m->gate_len, m->bits);
            client += m->client_is_x ? needs.x_receives : needs.y_receives;
            server += m->client_is_x ? needs.y_receives : needs.x_receives;
            comparisons += m->gate_len;
        } else if (m->kind == BH_MOVE_TRUNCATE) {
            size_t needs = bh_truncate_needs(&m->truncation);
            client += m->client_chooses ? needs : 0;
            server += m->client_chooses ? 0 : needs;
        }
    }
    assert_int_equal(s->transfers.client_receives, client);
    assert_int_equal(s->transfers.server_receives, server);
}

static uint32_t input_flight(const bh_script *s, uint32_t layer)
{
    for (uint32_t i = 0; i < s->n_parts; i++) {
        if (s->parts[i].kind == BH_PART_INPUT &&
            s->moves[s->parts[i].move].layer == layer) {
            return s->parts[i].flight;
        }
    }
    fail_msg("layer %u has no input", layer);
    return 0;
}

static uint32_t gates_of(const bh_script *s, uint32_t layer)
{
    uint32_t gates = 0;
    for (uint32_t i = 0; i < s->n_moves; i++) {
        gates += s->moves[i].layer == layer && s->moves[i].gate_len > 0;
    }
    return gates;
}

// From a layer's input to the next one's: 5 flights a gate and one, or two where the
// number of gates is even. The last layer: two where it reveals logits.
static void check_rhythm(const bh_script *s, bh_reveal reveal)
{
    uint32_t flight = 0;
    for (uint32_t i = 0; i < s->n_layers; i++) {
        assert_int_equal(input_flight(s, i), flight);
        uint32_t gates = gates_of(s, i);
        flight += 5 * gates + (gates % 2 == 0 ? 2 : 1);
    }
    if (reveal == BH_REVEAL_LOGITS) {
        assert_int_equal(s->n_flights, flight);
    } else {
        assert_true(s->n_flights >= input_flight(s, s->n_layers - 1) + 2);
    }
}

static bh_script *script_for(const bh_graph *g, uint32_t samples, bh_reveal reveal,
                             bool must)
{
    unsigned bits[BH_GRAPH_LAYERS_MAX];
    bh_error err = {0};
    bh_script *s;
    const bh_script_options options = {samples, reveal, BH_LOGIT_BITS_DEFAULT};
    bh_status status = bh_script_new(&s, bits, g, &options, &err);
    if (status != BH_OK &&
        (must || (status != BH_ERR_RANGE && status != BH_ERR_PARAMS))) {
        fail_msg("%s", err.message);
    }
    return s;
}

static void check(const bh_script *s, bh_reveal reveal)
{
    for (uint32_t i = 0; i < s->n_moves; i++) {
        check_move(s, i);
    }
    check_flights(s);
    check_transfers(s);
    check_rhythm(s, reveal);
}

static void test_random_graphs(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("random graphs");
    size_t gates = 0, flights = 0;
    for (int done = 0; done < GRAPHS;) {
        bh_model *m = random_model(&rng);
        bh_reveal reveal = (bh_reveal)test_rng_below(&rng, 2);
        bh_script *s =
            script_for(&m->graph, (uint32_t)test_rng_range(&rng, 1, 9), reveal, false);
        if (s != NULL) {
            check(s, reveal);
            gates += s->n_gates;
            flights += s->n_flights;
            done++;
        }
        bh_script_free(s);
        bh_model_free(m);
    }
    printf("%d graphs, %zu gates, %zu flights\n", GRAPHS, gates, flights);
}

// What docs/sealed.md says of known networks.
static void test_named_graphs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t flights;
    } nets[] = {{"lenet-caffe", 40}, {"lenet5", 0}, {"netd", 0}, {"minionn-cifar", 0}};
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        bh_model *m;
        assert_ok(bh_model_synthetic(&m, nets[i].name, 1, NULL));
        for (uint32_t samples = 1; samples <= 8; samples *= 8) {
            bh_script *s = script_for(&m->graph, samples, BH_REVEAL_LOGITS, true);
            check(s, BH_REVEAL_LOGITS);
            if (nets[i].flights > 0) {
                assert_int_equal(s->n_flights, nets[i].flights);
            }
            printf("%s, S = %u: %u flights\n", nets[i].name, samples, s->n_flights);
            bh_script_free(s);
            s = script_for(&m->graph, samples, BH_REVEAL_LABEL, true);
            check(s, BH_REVEAL_LABEL);
            printf("%s, S = %u: %u flights to the label\n", nets[i].name, samples,
                   s->n_flights);
            bh_script_free(s);
        }
        bh_model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_named_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
