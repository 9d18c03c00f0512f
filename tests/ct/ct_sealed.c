// SPDX-License-Identifier: Apache-2.0
// Whole queries under guard `sealed` with the server's posterior and the client's
// pixels marked as secret; keys, masks, shares, choices and pads are marked where they
// are born: to a tool (tool.h) a branch or an address that depends on any of them is an
// error. That they arrive marked at both parties, and messages public, is looked at.
//
//   ct_sealed portable | avx2 | avx512
//
// Each query is prepared first. Logits and label; transfers of both kinds.
#include "base/memory.h"
#include "base/secret.h"
#include "model/draw.h"
#include "protocol/client_state.h"
#include "protocol/server_state.h"
#include "support/sealed_graph.h"
#include "tool.h"

enum { PIXELS = SEALED_PIXELS, LAYERS = 3 };

static bh_model *make_model(void)
{
    static bh_graph g;
    bh_model *m;
    float input[PIXELS];
    sealed_graph(&g);
    tool_check(bh_graph_check(&g, NULL) == BH_OK && bh_model_new(&m, &g, 1) == BH_OK,
               "a model");
    for (uint32_t i = 0; i < LAYERS; i++) {
        bh_posterior *p = bh_model_posterior(m, 0, i);
        for (size_t k = 0; k < p->n_weights + p->n_bias; k++) {
            p->mean[k] = (float)((int)(k * 7 % 11) - 5) / 20;
            p->dev[k] = 0.02f;
        }
    }
    for (size_t k = 0; k < PIXELS; k++) {
        input[k] = (float)(k % 13) / 13;
    }
    tool_check(bh_model_quantise(m, input, 1, 8, 8, NULL) == BH_OK, "quantised");
    return m;
}

// What a service itself reads of the weights as it starts is a bound for the plan.
static void mark_weights(bh_model *m, int secret)
{
    for (uint32_t i = 0; i < LAYERS; i++) {
        const bh_int_posterior *p = bh_model_integer(m, 0, i);
        const struct {
            void *data;
            size_t len;
        } parts[] = {{p->weight_mean, p->n_weights * sizeof *p->weight_mean},
                     {p->weight_dev, p->n_weights * sizeof *p->weight_dev},
                     {p->bias_mean, p->n_bias * sizeof *p->bias_mean},
                     {p->bias_dev, p->n_bias * sizeof *p->bias_dev}};
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
            if (secret) {
                BH_SECRET(parts[k].data, parts[k].len);
            } else {
                BH_DECLASSIFY(parts[k].data, parts[k].len);
            }
        }
    }
}

typedef struct pair {
    bh_client *client;
    bh_server *server;
    uint32_t flights; // in which the parties' shares were looked at
} pair;

// Shares of a query under way, wherever it is.
static void look_at_party(pair *p, const bh_party *party)
{
    if (party->unit == NULL || party->flight == 0 ||
        party->flight >= party->plan->script->n_flights) {
        return;
    }
    const bh_script *s = party->plan->script;
    size_t n = s->moves[party->move].in_len;
    if (s->moves[party->move].kind == BH_MOVE_LINEAR) {
        return; // an input waits, or the layer's first values have not come
    }
    tool_check(TOOL_ALL(party->values, n), "shares are marked");
    p->flights++;
}

static void carry(pair *p)
{
    bh_status status = BH_OK;
    for (int moved = 1; moved && status == BH_OK;) {
        size_t up, down = 0;
        const uint8_t *data = bh_client_output(p->client, &up);
        tool_check(TOOL_NONE(data, up), "what the client sends is public");
        status = bh_server_feed(p->server, data, up, NULL);
        bh_client_sent(p->client, up);
        while (status == BH_OK) {
            status = bh_server_work(p->server, NULL);
        }
        look_at_party(p, &p->server->sealed.party);
        if (status == BH_WANT_MORE) {
            data = bh_server_output(p->server, &down);
            tool_check(TOOL_NONE(data, down), "what the server sends is public");
            status = bh_client_feed(p->client, data, down, NULL);
            bh_server_sent(p->server, down);
        }
        look_at_party(p, &p->client->sealed.party);
        moved = up > 0 || down > 0;
    }
    tool_check(status == BH_OK, "messages are taken");
}

static void look_at_transfers(const bh_unit *u)
{
    tool_check(u->receive.n > 0 && u->send.n > 0, "there are transfers");
    tool_check(TOOL_ALL(u->receive.c, u->receive.n), "choices are marked");
    tool_check(TOOL_ALL(u->receive.m, u->receive.n), "their pads are marked");
    tool_check(TOOL_ALL(u->send.m0, u->send.n) && TOOL_ALL(u->send.m1, u->send.n),
               "pads are marked");
}

static void look_at_units(const pair *p, const bh_model *m)
{
    const bh_plan *plan = p->client->plan;
    const bh_unit *client = p->client->sealed.ready.items[0],
                  *server = p->server->sealed.ready.items[0];
    tool_check(client != NULL && server != NULL, "a query was prepared");
    look_at_transfers(client);
    look_at_transfers(server);
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_linear *l = &plan->layers[i].linear;
        size_t in = bh_script_inputs(plan->script, i) * bh_linear_in_len(l);
        size_t out = plan->samples * bh_linear_out_len(l);
        tool_check(TOOL_ALL(client->input[i], in), "the client's masks are marked");
        tool_check(TOOL_ALL(client->output[i], out) && TOOL_ALL(server->output[i], out),
                   "shares of results are marked");
        tool_check(TOOL_ALL(server->weights[i],
                            plan->samples * bh_model_integer(m, 0, i)->n_weights),
                   "drawn weights are marked");
    }
}

static void query(bh_model *m, const bh_service_options *options,
                  bh_supplier_kind supplier)
{
    bh_service *service;
    bh_client_result result;
    uint8_t pixels[PIXELS] = {1, 2, 3};
    const bh_client_options client_options = {.guard = BH_GUARD_SEALED};
    pair p = {0};
    tool_check(bh_service_new(&service, m, options, NULL) == BH_OK, "a service");
    mark_weights(m, 1);
    BH_SECRET(pixels, sizeof pixels);
    tool_check(bh_server_new(&p.server, service) == BH_OK &&
                   bh_client_new(&p.client, &client_options) == BH_OK,
               "engines");
    carry(&p);
    tool_check(p.client->plan->supplier == supplier, "transfers of that kind");
    tool_check(bh_client_prepare(p.client, NULL) == BH_OK, "preparing");
    carry(&p);
    look_at_units(&p, m);
    tool_check(bh_client_query(p.client, pixels, NULL) == BH_OK, "a query");
    carry(&p);
    tool_check(bh_client_get_result(p.client, &result) == BH_OK, "a result");
    tool_check(p.flights > service->plan->script->n_flights / 2, "shares were seen");
    printf("class %u after %u flights, %s, %s\n", result.prediction.label,
           service->plan->script->n_flights, bh_supplier_name(supplier),
           options->reveal == BH_REVEAL_LABEL ? "label" : "logits");
    bh_client_free(p.client);
    bh_server_free(p.server);
    bh_service_free(service);
    mark_weights(m, 0);
}

int main(int argc, char **argv)
{
    tool_check(argc == 2, "usage: ct_sealed LEVEL");
    tool_begin(argv[1]);
    bh_model *m = make_model();
    bh_service_options options = {
        .guard = BH_GUARD_SEALED, .samples = 2, .link = {.bytes_per_second = 1e12}};
    query(m, &options, BH_SUPPLIER_SOFTSPOKEN);
    options.reveal = BH_REVEAL_LABEL;
    options.link.bytes_per_second = BH_LINK_BYTES_ONLY;
    query(m, &options, BH_SUPPLIER_FERRET);
    bh_model_free(m);
    return 0;
}
