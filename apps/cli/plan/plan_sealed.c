// SPDX-License-Identifier: Apache-2.0
#include "plan/plan_sealed.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "cli.h"
#include "infer/sealed_cost.h"
#include "model/deviation.h"
#include "plan/plan_time.h"

#define MS 1e-6 // of a nanosecond

// By what clients know of the model, so that what is printed can be passed on.
static double deviation_of(const bh_plan *plan)
{
    return bh_sealed_logit_deviation(plan, bh_graph_deviation(plan->graph, NULL));
}

static uint64_t accumulators_of(const bh_plan *plan)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        sum += (uint64_t)bh_linear_out_len(&plan->layers[i].linear) * plan->samples;
    }
    return sum;
}

static void print_prepared(const bh_plan *plan, const ui *u)
{
    printf("%s%-16s %7s %7s %9s %9s %3s %8s %6s%s\n", ui_on(u, UI_DIM), "to prepare",
           "blocks", "cts", "up", "down", "l", "off by 1", "margin",
           ui_on(u, UI_PLAIN));
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        const bh_plan_layer *l = &plan->layers[i];
        char text[64], blocks[32], cts[32], up[UI_TEXT_BYTES], down[UI_TEXT_BYTES];
        printf("%-16s %7s %7s %9s %9s %3u %6.2f %% %6.1f\n",
               plan_describe(text, sizeof text, plan, i),
               plan_blocks(blocks, sizeof blocks, l),
               plan_ciphertexts(cts, sizeof cts, l), ui_bytes(up, l->bytes_up),
               ui_bytes(down, l->bytes_down), l->t_bits, 100 * l->noise.off_by_one,
               l->noise.margin_bits);
    }
    bh_sealed_transfers t = bh_sealed_transfers_of(plan);
    char up[UI_TEXT_BYTES], down[UI_TEXT_BYTES], name[32];
    snprintf(name, sizeof name, "by %s", bh_supplier_name(plan->supplier));
    printf("%-16s %15llu %9s %9s\n", name, (unsigned long long)t.count,
           ui_bytes(up, t.bytes_up), ui_bytes(down, t.bytes_down));
}

static void print_online(const bh_plan *plan, const ui *u)
{
    printf("\n%s%-16s %15s %9s %9s %7s%s\n", ui_on(u, UI_DIM), "a query", "comparisons",
           "up", "down", "flights", ui_on(u, UI_PLAIN));
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        bh_sealed_count c = bh_sealed_count_layer(plan, i);
        char text[64], up[UI_TEXT_BYTES], down[UI_TEXT_BYTES];
        printf("%-16s %15llu %9s %9s %7u\n", plan_describe(text, sizeof text, plan, i),
               (unsigned long long)c.comparisons, ui_bytes(up, c.bytes_up),
               ui_bytes(down, c.bytes_down), c.flights);
    }
}

static void print_totals(const bh_plan *plan, const ui *u)
{
    bh_sealed_count all = bh_sealed_count_all(plan);
    bh_plan_totals ciphertexts = bh_plan_sum(plan);
    bh_sealed_transfers t = bh_sealed_transfers_of(plan);
    char up[UI_TEXT_BYTES], down[UI_TEXT_BYTES], text[512];
    char setup_up[UI_TEXT_BYTES], setup_down[UI_TEXT_BYTES];
    putchar('\n');
    snprintf(text, sizeof text,
             "%s up, %s down: ciphertexts, %llu of them answers, and what makes %llu "
             "random transfers. Once a session: %s up, %s down.",
             ui_bytes(up, ciphertexts.bytes_up + t.bytes_up),
             ui_bytes(down, ciphertexts.bytes_down + t.bytes_down),
             (unsigned long long)ciphertexts.answers, (unsigned long long)t.count,
             ui_bytes(setup_up, t.setup_up), ui_bytes(setup_down, t.setup_down));
    ui_wrap(u, "To prepare: ", 2, text);
    snprintf(text, sizeof text,
             "%s up, %s down, %u flights (%u round trips), %llu comparisons.",
             ui_bytes(up, all.bytes_up), ui_bytes(down, all.bytes_down), all.flights,
             all.flights / 2, (unsigned long long)all.comparisons);
    ui_wrap(u, "A query: ", 2, text);
    snprintf(text, sizeof text,
             "about %.0f of %llu accumulators are off by one unit. Proven for every "
             "image and every draw: with that and the rounding no logit is further "
             "than %.0f from that of exact inference. What happens is far below "
             "(docs/planner.md).",
             all.off_by_one, (unsigned long long)accumulators_of(plan),
             ceil(deviation_of(plan)));
    ui_wrap(u, "Exactness: ", 2, text);
}

static void print_time(const bh_plan *plan, const bh_cost *cost, const ui *u)
{
    bh_sealed_latency t = bh_sealed_latency_of(plan, cost);
    char prepare[UI_TEXT_BYTES], online[UI_TEXT_BYTES], speed[UI_TEXT_BYTES], text[256];
    snprintf(text, sizeof text,
             "%s, after %s to prepare it; with machines like this one, %u thread%s at "
             "the server, %s/s each way and %.3g ms there and back.",
             ui_time(online, t.online * MS), ui_time(prepare, t.prepare * MS),
             cost->server_threads, cost->server_threads == 1 ? "" : "s",
             ui_bytes(speed, (uint64_t)cost->link.bytes_per_second),
             cost->link.rtt_seconds * 1e3);
    ui_wrap(u, "It takes ", 2, text);
}

void plan_sealed_print(const bh_plan *plan, const bh_cost *cost, const ui *u)
{
    print_prepared(plan, u);
    print_online(plan, u);
    print_totals(plan, u);
    print_time(plan, cost, u);
}

static json_t *bytes_json(uint64_t up, uint64_t down)
{
    return json_pack("{s:I, s:I}", "up", (json_int_t)up, "down", (json_int_t)down);
}

static json_t *layer_json(const bh_plan *plan, uint32_t i)
{
    const bh_plan_layer *l = &plan->layers[i];
    bh_sealed_count c = bh_sealed_count_layer(plan, i);
    char text[64];
    return json_pack(
        "{s:s, s:{s:I, s:I, s:I}, s:I, s:f, s:f, s:{s:{s:I, s:I}, s:o}, s:I, s:I, s:o}",
        "layer", plan_describe(text, sizeof text, plan, i), "blocks", "in",
        (json_int_t)l->linear.in_blocks, "out", (json_int_t)l->linear.out_blocks,
        "tiles", (json_int_t)l->linear.tiles_h * l->linear.tiles_w, "accumulator_bits",
        (json_int_t)l->t_bits, "off_by_one", l->noise.off_by_one, "margin_bits",
        l->noise.margin_bits, "prepare", "ciphertexts", "up",
        (json_int_t)l->ciphertexts_up, "down", (json_int_t)l->ciphertexts_down, "bytes",
        bytes_json(l->bytes_up, l->bytes_down), "comparisons",
        (json_int_t)c.comparisons, "flights", (json_int_t)c.flights, "bytes",
        bytes_json(c.bytes_up, c.bytes_down));
}

static json_t *prepare_json(const bh_plan *plan, const bh_sealed_latency *latency)
{
    bh_plan_totals ciphertexts = bh_plan_sum(plan);
    bh_sealed_transfers t = bh_sealed_transfers_of(plan);
    return json_pack(
        "{s:o, s:I, s:o, s:{s:I, s:s, s:o, s:o}, s:f}", "bytes",
        bytes_json(ciphertexts.bytes_up + t.bytes_up,
                   ciphertexts.bytes_down + t.bytes_down),
        "answers", (json_int_t)ciphertexts.answers, "ciphertext_bytes",
        bytes_json(ciphertexts.bytes_up, ciphertexts.bytes_down), "transfers", "count",
        (json_int_t)t.count, "kind", bh_supplier_name(plan->supplier), "bytes",
        bytes_json(t.bytes_up, t.bytes_down), "setup_bytes",
        bytes_json(t.setup_up, t.setup_down), "predicted_ms", latency->prepare * MS);
}

void plan_sealed_print_json(const bh_plan *plan, const bh_cost *cost)
{
    bh_sealed_count all = bh_sealed_count_all(plan);
    bh_sealed_latency latency = bh_sealed_latency_of(plan, cost);
    json_t *layers = json_array();
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        json_array_append_new(layers, layer_json(plan, i));
    }
    json_t *line =
        json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:I}",
                  "model", plan->graph->name, "guard", bh_guard_name(plan->guard),
                  "samples", (json_int_t)plan->samples, "reveal",
                  cli_reveal_name(plan->reveal), "params", bh_he_name(plan->he),
                  "security_bits", (json_int_t)bh_he_security_bits(plan->he), "rounds",
                  (json_int_t)all.flights / 2, "flights", (json_int_t)all.flights,
                  "layers", layers, "prepare", prepare_json(plan, &latency), "bytes",
                  bytes_json(all.bytes_up, all.bytes_down), "comparisons",
                  (json_int_t)all.comparisons);
    json_t *more = json_pack(
        "{s:I, s:f, s:I, s:f, s:{s:f, s:f}, s:I, s:f}", "logit_bits",
        (json_int_t)plan->logit_bits, "off_by_one", all.off_by_one, "accumulators",
        (json_int_t)accumulators_of(plan), "logit_deviation_max", deviation_of(plan),
        "link", "bytes_per_second", cost->link.bytes_per_second, "rtt_ms",
        cost->link.rtt_seconds * 1e3, "threads", (json_int_t)cost->server_threads,
        "predicted_ms", latency.online * MS);
    json_object_update(line, more);
    json_decref(more);
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(line);
}
