// SPDX-License-Identifier: Apache-2.0
#include "plan/plan_time.h"

#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "protocol/message.h"

#define MS 1e-6 // of a nanosecond

plan_time plan_time_predict(const bh_plan *plan, const bh_cost *cost)
{
    bh_stages stages[BH_GRAPH_LAYERS_MAX];
    double done[BH_GRAPH_LAYERS_MAX];
    plan_time t = {.total_ms = bh_plan_latency(plan, cost, stages, done) * MS};
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_stages *s = &stages[i];
        bh_repeats r = plan->layers[i].repeats;
        double server =
            r.inputs * s->load + r.samples * (s->draw + s->n_answers * s->answer);
        t.layers[i] = (layer_time){
            .client = (r.inputs * s->encrypt + r.samples * s->decrypt) * MS,
            .up = r.inputs * s->up * MS,
            .server = server / cost->server_threads * MS,
            .down = r.samples * s->down * MS,
            .done = done[i] * MS,
        };
    }
    return t;
}

const char *plan_describe(char *text, size_t size, const bh_plan *plan, uint32_t layer)
{
    const bh_layer *l = &plan->graph->layers[bh_graph_linear_index(plan->graph, layer)];
    if (l->kind == BH_LAYER_FC) {
        snprintf(text, size, "fc %zu-%u", bh_shape_len(l->in), l->out_channels);
    } else {
        snprintf(text, size, "conv %ux%u %u-%u", l->kernel_h, l->kernel_w,
                 l->in.channels, l->out_channels);
    }
    return text;
}

const char *plan_blocks(char *text, size_t size, const bh_plan_layer *l)
{
    uint32_t tiles = l->linear.tiles_h * l->linear.tiles_w;
    int len = snprintf(text, size, "%u/%u", l->linear.in_blocks, l->linear.out_blocks);
    if (tiles > 1) {
        snprintf(text + len, size - (size_t)len, " x%u", tiles);
    }
    return text;
}

const char *plan_ciphertexts(char *text, size_t size, const bh_plan_layer *l)
{
    snprintf(text, size, "%u/%u", l->ciphertexts_up, l->ciphertexts_down);
    return text;
}

// Bytes of one layer's frames beside the ciphertexts.
static uint64_t framing(uint32_t frames)
{
    return (uint64_t)frames * (BH_FRAME_HEADER_BYTES + BH_MESSAGE_SAMPLE_HEADER_BYTES);
}

// The choice of a layer whose messages have these bytes; false if there is none.
static bool find_packing(bh_plan *plan, uint32_t i, bh_linear_choices *choices,
                         const bh_client_layer *m)
{
    bh_plan_layer *l = &plan->layers[i];
    uint32_t w_max =
        plan->graph->layers[bh_graph_linear_index(plan->graph, i)].quant.w_max;
    bh_linear_shape shape = l->linear.shape;
    if (bh_linear_choose(choices, &shape, plan->he, l->t_bits, w_max) != BH_OK) {
        return false;
    }
    for (uint32_t k = 0; k < choices->count; k++) {
        const bh_linear *choice = &choices->items[k];
        uint64_t up = bh_linear_bytes_up(choice, plan->he, l->repeats);
        uint64_t down = bh_linear_bytes_down(choice, plan->he, l->t_bits, l->repeats);
        if (m->bytes_up == up + framing(l->repeats.inputs) &&
            m->bytes_down == down + framing(l->repeats.samples)) {
            l->linear = *choice;
            return true;
        }
    }
    return false;
}

// Everything else that follows from the packings: by way of a manifest.
static bh_status derive_again(bh_plan **plan, bh_error *err)
{
    bh_writer w = {0};
    bh_plan *again = NULL;
    bh_plan_write(*plan, &w);
    bh_reader r = bh_reader_over(w.data, w.len);
    bh_status status = w.status == BH_OK ? bh_plan_read(&again, &r, err)
                                         : bh_fail_plain(err, w.status);
    bh_writer_clear(&w);
    if (status == BH_OK) {
        bh_plan_free(*plan);
        *plan = again;
    }
    return status;
}

bh_status plan_time_adopt(bh_plan **plan, const profile *measured, bh_error *err)
{
    if (measured->samples != (*plan)->samples) {
        return bh_fail(err, BH_ERR_PARAMS,
                       "the profile is of another number of draws: --samples %u",
                       measured->samples);
    }
    bh_linear_choices *choices = bh_alloc(1, sizeof *choices);
    if (choices == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bool same = measured->n_layers == (*plan)->n_layers;
    for (uint32_t i = 0; same && i < measured->n_layers; i++) {
        same = find_packing(*plan, i, choices, &measured->layers[i]);
    }
    bh_free(choices);
    return same ? derive_again(plan, err)
                : bh_fail(err, BH_ERR_PARAMS,
                          "the profile's bytes fit no plan of this model (it says that "
                          "it is of %s)",
                          measured->model);
}

static void print_heading(const ui *u, const profile *measured)
{
    printf("%s%-16s %7s %7s %7s %7s %7s", ui_on(u, UI_DIM), "milliseconds", "client",
           "up", "server", "down", "done");
    if (measured != NULL) {
        printf(" | %7s %7s %7s", "client", "server", "done");
    }
    printf("%s\n", ui_on(u, UI_PLAIN));
}

void plan_time_print(const bh_plan *plan, const bh_cost *cost, const profile *measured,
                     const ui *u)
{
    plan_time t = plan_time_predict(plan, cost);
    char text[64], speed[UI_TEXT_BYTES], whole[UI_TEXT_BYTES];
    print_heading(u, measured);
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const layer_time *l = &t.layers[i];
        printf("%-16s %7.1f %7.1f %7.1f %7.1f %7.1f",
               plan_describe(text, sizeof text, plan, i), l->client, l->up, l->server,
               l->down, l->done);
        if (measured != NULL) {
            const bh_client_layer *m = &measured->layers[i];
            printf(" | %7.1f %7.1f %7.1f", m->encrypt_ms + m->decrypt_ms, m->server_ms,
                   m->done_ms);
        }
        putchar('\n');
    }
    printf("\nIt takes %s, with machines like this one, %u thread%s at the server, "
           "%s/s each\nway and %.3g ms there and back.\n",
           ui_time(whole, t.total_ms), cost->server_threads,
           cost->server_threads == 1 ? "" : "s",
           ui_bytes(speed, (uint64_t)cost->link.bytes_per_second),
           cost->link.rtt_seconds * 1e3);
    if (measured != NULL) {
        printf(
            "Measured, at the right: %s, median of %llu quer%s. The blocks are those "
            "of the\nserver that was measured. What is predicted is for the same "
            "server only if\n--link, --threads and --prepared say how that one ran.\n",
            ui_time(whole, measured->total_ms), (unsigned long long)measured->queries,
            measured->queries == 1 ? "y" : "ies");
    }
}

json_t *plan_time_json(const layer_time *t)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "client", t->client, "up", t->up,
                     "server", t->server, "down", t->down, "done", t->done);
}

json_t *plan_time_measured_json(const bh_client_layer *l)
{
    return json_pack("{s:f, s:f, s:f}", "client", l->encrypt_ms + l->decrypt_ms,
                     "server", l->server_ms, "done", l->done_ms);
}
