// SPDX-License-Identifier: Apache-2.0
// Both parties of a query under guard `sealed` with dealt units (infer/party.h): of a
// unit every transfer is taken exactly once, and with --reveal label the label is the
// class of the largest sum of truncated logits, of equal ones the first, and all that
// is opened.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "base/random.h"
#include "infer/party.h"
#include "linear/plain.h"
#include "model/draw.h"
#include "mpc/bits.h"
#include "support/dealer.h"
#include "support/random_model.h"
#include "support/test.h"

enum { MODELS = 200 };

typedef struct record {
    uint32_t last;       // layer
    uint32_t *logits[2]; // behind the last truncation, of each party
    size_t len;
} record;

static void keep_shares(void *user, bool is_client, uint32_t layer, int stage,
                        const uint32_t *shares, size_t len)
{
    record *r = user;
    if (layer == r->last && stage == 2) {
        assert_null(r->logits[is_client]);
        r->logits[is_client] = bh_alloc(len, sizeof *shares);
        memcpy(r->logits[is_client], shares, len * sizeof *shares);
        r->len = len;
    }
}

// ---- a dealt unit ----

static void deal_sample(bh_unit *client, bh_unit *server, const bh_plan *plan,
                        const bh_model *m, uint32_t i, uint32_t k, test_rng *rng)
{
    const bh_linear *l = &plan->layers[i].linear;
    const bh_int_posterior *p = bh_model_integer(m, k, i);
    size_t len = bh_linear_out_len(l), in = bh_linear_in_len(l);
    int32_t *weights = server->weights[i] + k * p->n_weights;
    int32_t *bias = bh_alloc(p->n_bias, sizeof *bias);
    uint8_t seed[BH_SEED_BYTES];
    for (size_t b = 0; b < sizeof seed; b++) {
        seed[b] = (uint8_t)test_rng_next(rng);
    }
    assert_ok(bh_draw_layer(p, weights, bias, seed, i, k));
    uint32_t *of_client = client->output[i] + k * len;
    uint32_t *of_server = server->output[i] + k * len;
    const uint32_t *r = client->input[i] + (i > 0 ? k * in : 0);
    bh_linear_shape shape = bh_plan_shape(plan, i);
    bh_plain_linear(&shape, of_client, r, weights, BH_CPU_PORTABLE);
    for (size_t v = 0; v < len; v++) {
        uint32_t s = (uint32_t)test_rng_next(rng);
        of_client[v] -= s;
        of_server[v] = s + (uint32_t)bias[v / (len / p->n_bias)];
    }
    bh_free(bias);
}

static void deal(bh_unit **client, bh_unit **server, const bh_plan *plan,
                 const bh_model *m, test_rng *rng)
{
    assert_ok(bh_unit_new(client, plan, true));
    assert_ok(bh_unit_new(server, plan, false));
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        size_t len = bh_script_inputs(plan->script, i) *
                     bh_linear_in_len(&plan->layers[i].linear);
        for (size_t k = 0; k < len; k++) {
            (*client)->input[i][k] =
                (uint32_t)test_rng_next(rng) & bh_bits_mask(plan->layers[i].t_bits);
        }
        for (uint32_t k = 0; k < plan->samples; k++) {
            deal_sample(*client, *server, plan, m, i, k, rng);
        }
    }
    const bh_supplier_batch *n = &plan->script->transfers;
    bh_rot_supply_clear(&(*client)->receive);
    bh_rot_supply_clear(&(*client)->send);
    bh_rot_supply_clear(&(*server)->receive);
    bh_rot_supply_clear(&(*server)->send);
    assert_ok(
        dealer_deal(&(*server)->send, &(*client)->receive, n->client_receives, rng));
    assert_ok(
        dealer_deal(&(*client)->send, &(*server)->receive, n->server_receives, rng));
}

static void assert_used_up(const bh_unit *u)
{
    assert_int_equal(u->receive.taken, u->receive.n);
    assert_int_equal(u->send.taken, u->send.n);
}

// ---- a query ----

static void fly(bh_party *client, bh_party *server, const bh_script *s)
{
    for (uint32_t i = 0; i < s->n_flights; i++) {
        uint8_t *message = malloc(s->flight_bytes[i]); // so that ASan sees its bounds
        bh_party *from = i % 2 == 0 ? client : server;
        assert_ok(bh_party_write(from, message));
        assert_ok(bh_party_read(from == client ? server : client, message));
        free(message);
    }
    assert_int_equal(client->flight, s->n_flights);
    assert_int_equal(server->flight, s->n_flights);
    assert_used_up(client->unit);
    assert_used_up(server->unit);
}

// What the label must be, from both parties' shares of the truncated logits.
static uint32_t label_of(const record *r, const bh_plan *plan, bool *tie)
{
    const uint32_t classes = plan->graph->n_classes;
    uint64_t best_sum = 0;
    uint32_t best = 0;
    *tie = false;
    if (r->logits[0] == NULL || r->logits[1] == NULL) {
        fail_msg("no logits were seen");
        return 0;
    }
    for (uint32_t c = 0; c < classes; c++) {
        uint64_t sum = 0;
        for (uint32_t k = 0; k < plan->samples; k++) {
            size_t at = (size_t)k * classes + c;
            sum += (uint32_t)(r->logits[0][at] + r->logits[1][at]); // modulo 2^32
        }
        *tie = sum > best_sum ? false : *tie || (c > 0 && sum == best_sum);
        best = sum > best_sum ? c : best;
        best_sum = sum > best_sum ? sum : best_sum;
    }
    return best;
}

typedef struct counts {
    size_t queries, ties, classes[13];
} counts;

static void check_opening(const bh_plan *plan)
{
    const bh_script *s = plan->script;
    const bh_part *last = &s->parts[s->n_parts - 1];
    const bh_move *open = &s->moves[last->move];
    assert_int_equal(last->kind, BH_PART_OPENING);
    assert_int_equal(s->n_parts > 1 && s->parts[s->n_parts - 2].kind == BH_PART_OPENING,
                     0);
    if (plan->reveal == BH_REVEAL_LABEL) {
        assert_int_equal(open->in_len, 1);
        assert_int_equal(last->bytes, 1); // index_bits of it
        assert_true(plan->graph->n_classes <= UINT32_C(1) << open->index_bits);
        assert_true(open->index_bits == 1 ||
                    plan->graph->n_classes > UINT32_C(1) << (open->index_bits - 1));
    } else {
        assert_int_equal(open->in_len, plan->samples * plan->graph->n_classes);
    }
}

static void query(const bh_plan *plan, const bh_model *m, const int64_t *x,
                  test_rng *rng, counts *n)
{
    bh_party client = {0}, server = {0};
    bh_unit *of_client, *of_server;
    record r = {.last = plan->n_layers - 1};
    bool tie;
    deal(&of_client, &of_server, plan, m, rng);
    bh_hooks_get()->on_shares = keep_shares;
    bh_hooks_get()->user = &r;
    assert_ok(bh_party_begin(&client, plan, true, of_client, x));
    assert_ok(bh_party_begin(&server, plan, false, of_server, NULL));
    fly(&client, &server, plan->script);
    bh_hooks_get()->on_shares = NULL;
    if (plan->reveal == BH_REVEAL_LABEL) {
        uint32_t want = label_of(&r, plan, &tie);
        assert_int_equal(bh_party_label(&client), want);
        // All that is opened are the bits of the index.
        const uint32_t mask =
            bh_bits_mask(plan->script->moves[plan->script->n_moves - 1].index_bits);
        assert_int_equal(client.opened[0], mask - want);
        n->ties += tie;
        n->classes[want]++;
    } else {
        for (size_t i = 0; i < r.len; i++) {
            const bh_move *open = &plan->script->moves[plan->script->n_moves - 1];
            assert_int_equal(client.opened[i], (r.logits[0][i] + r.logits[1][i]) &
                                                   bh_bits_mask(open->bits));
        }
    }
    n->queries++;
    bh_party_clear(&client);
    bh_party_clear(&server);
    bh_free(r.logits[0]);
    bh_free(r.logits[1]);
}

// Logits that are one of two numbers, whatever the input and the member are.
static void make_equal(const bh_model *m, test_rng *rng)
{
    uint32_t layer = bh_graph_linear_count(&m->graph) - 1;
    const bh_int_posterior *first = bh_model_integer(m, 0, layer);
    int64_t high = 0;
    for (size_t i = 0; i < first->n_bias; i++) {
        high = first->bias_mean[i] > high ? first->bias_mean[i] : high;
    }
    for (size_t i = 0; i < first->n_bias; i++) {
        first->bias_mean[i] = test_rng_below(rng, 2) ? high : 0;
    }
    for (uint32_t k = 0; k < m->members; k++) {
        const bh_int_posterior *p = bh_model_integer(m, k, layer);
        memset(p->weight_mean, 0, p->n_weights * sizeof *p->weight_mean);
        memset(p->weight_dev, 0, p->n_weights * sizeof *p->weight_dev);
        memset(p->bias_dev, 0, p->n_bias * sizeof *p->bias_dev);
        memmove(p->bias_mean, first->bias_mean, p->n_bias * sizeof *p->bias_mean);
    }
}

// Every other model has few logits, so that sums are often equal.
static void run(bh_reveal reveal, const char *name)
{
    test_rng rng = test_rng_new(name);
    const bh_cost cost = bh_cost_default();
    counts n = {0};
    for (int done = 0; done < MODELS;) {
        bh_model *m = random_model(&rng);
        const bh_graph *g = &m->graph;
        bh_plan *plan = NULL;
        const bh_plan_options options = {
            .guard = BH_GUARD_SEALED,
            .samples = (uint32_t)test_rng_range(&rng, 1, 4),
            .reveal = reveal,
            .logit_bits = (uint32_t)test_rng_range(&rng, 1, 8)};
        if (done % 2 == 0) {
            make_equal(m, &rng);
        }
        if (bh_plan_new(&plan, g, &options, &cost, NULL) == BH_OK) {
            size_t len = bh_shape_len(g->input.shape);
            int64_t *x = bh_alloc(len, sizeof *x);
            for (size_t i = 0; i < len; i++) {
                x[i] = test_rng_range(&rng, g->layers[0].quant.x_lo,
                                      g->layers[0].quant.x_hi);
            }
            check_opening(plan);
            query(plan, m, x, &rng, &n);
            bh_free(x);
            done++;
        }
        bh_plan_free(plan);
        bh_model_free(m);
    }
    printf("%zu queries, %zu ties;", n.queries, n.ties);
    for (int c = 0; c < 13; c++) {
        printf(" %zu", n.classes[c]);
    }
    printf(" of each class\n");
    assert_true(reveal == BH_REVEAL_LOGITS || (n.ties > 20 && n.classes[1] > 10));
}

static void test_label(void **state)
{
    (void)state;
    run(BH_REVEAL_LABEL, "label");
}

static void test_logits(void **state)
{
    (void)state;
    run(BH_REVEAL_LOGITS, "logits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
