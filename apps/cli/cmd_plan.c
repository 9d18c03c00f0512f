// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "infer/plan.h"
#include "model/model.h"
#include "ui.h"

static const char name[] = "plan";

static const char help[] =
    "usage: bayhenn plan --model FILE [--samples S] [--guard NAME] [--json]\n"
    "\n"
    "What one prediction costs on the wire and how far its noise stays from wrong\n"
    "results, for every linear layer.\n"
    "\n"
    "  --model FILE    a trained model (.bhn)\n"
    "  --samples S     draws of the weights for every image [8]\n"
    "  --guard NAME    [sampled]\n"
    "  --json          one line of JSON\n"
    "\n"
    "blocks    input and output blocks of a tile, times tiles\n"
    "cts       ciphertexts up and down\n"
    "l         bits of an accumulator: results are integers modulo 2^l\n"
    "log2 B    bound on the noise, exceeded with probability below 2^-64\n"
    "log2 F    size of the uniform noise that drowns it\n"
    "hidden    bits by which F drowns B: log2 (2F / B)\n"
    "margin    bits of room before decryption could fail\n"
    "\n"
    "example:\n"
    "  bayhenn plan --model models/lenet5-mnist.bhn --samples 8\n";

typedef struct plan_options {
    const char *model;
    bh_guard guard;
    uint64_t samples;
    bool json;
} plan_options;

static const bh_layer *layer_of(const bh_plan *plan, uint32_t i)
{
    return &plan->graph->layers[bh_graph_linear_index(plan->graph, i)];
}

static void describe(char *text, size_t size, const bh_layer *layer)
{
    if (layer->kind == BH_LAYER_FC) {
        snprintf(text, size, "fc %zu-%u", bh_shape_len(layer->in), layer->out_channels);
    } else {
        snprintf(text, size, "conv %ux%u %u-%u", layer->kernel_h, layer->kernel_w,
                 layer->in.channels, layer->out_channels);
    }
}

static json_t *layer_json(const bh_plan *plan, uint32_t i)
{
    const bh_plan_layer *l = &plan->layers[i];
    char text[64];
    describe(text, sizeof text, layer_of(plan, i));
    return json_pack(
        "{s:s, s:{s:I, s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I}, s:I, s:f, s:I, s:f, s:f}",
        "layer", text, "blocks", "in", (json_int_t)l->linear.in_blocks, "out",
        (json_int_t)l->linear.out_blocks, "tiles",
        (json_int_t)l->linear.tiles_h * l->linear.tiles_w, "ciphertexts", "up",
        (json_int_t)l->ciphertexts_up, "down", (json_int_t)l->ciphertexts_down, "bytes",
        "up", (json_int_t)l->bytes_up, "down", (json_int_t)l->bytes_down,
        "accumulator_bits", (json_int_t)l->t_bits, "noise_log2", l->noise.bound_log2,
        "flood_log2", (json_int_t)l->noise.flood_log2, "statistical_bits",
        l->noise.statistical_bits, "margin_bits", l->noise.margin_bits);
}

static void print_json(const bh_plan *plan)
{
    bh_plan_totals totals = bh_plan_sum(plan);
    json_t *layers = json_array();
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        json_array_append_new(layers, layer_json(plan, i));
    }
    json_t *line = json_pack(
        "{s:s, s:s, s:I, s:s, s:I, s:I, s:o, s:{s:I, s:I}, s:I, s:f}", "model",
        plan->graph->name, "guard", bh_guard_name(plan->guard), "samples",
        (json_int_t)plan->samples, "params", bh_he_name(plan->he), "security_bits",
        (json_int_t)bh_he_security_bits(plan->he), "rounds", (json_int_t)plan->n_layers,
        "layers", layers, "bytes", "up", (json_int_t)totals.bytes_up, "down",
        (json_int_t)totals.bytes_down, "answers", (json_int_t)totals.answers,
        "distance_log2", bh_plan_distance_log2(plan));
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(line);
}

static void print_layer(const bh_plan *plan, uint32_t i)
{
    const bh_plan_layer *l = &plan->layers[i];
    char text[64], blocks[32], cts[32], up[UI_TEXT_BYTES], down[UI_TEXT_BYTES];
    uint32_t tiles = l->linear.tiles_h * l->linear.tiles_w;
    describe(text, sizeof text, layer_of(plan, i));
    int len = snprintf(blocks, sizeof blocks, "%u/%u", l->linear.in_blocks,
                       l->linear.out_blocks);
    if (tiles > 1) {
        snprintf(blocks + len, sizeof blocks - (size_t)len, " x%u", tiles);
    }
    snprintf(cts, sizeof cts, "%u/%u", l->ciphertexts_up, l->ciphertexts_down);
    printf("%-16s %7s %7s %9s %9s %3u %6.1f %6u %6.1f %6.1f\n", text, blocks, cts,
           ui_bytes(up, l->bytes_up), ui_bytes(down, l->bytes_down), l->t_bits,
           l->noise.bound_log2, l->noise.flood_log2, l->noise.statistical_bits,
           l->noise.margin_bits);
}

static void print_plan(const bh_plan *plan)
{
    ui u = ui_make();
    bh_plan_totals totals = bh_plan_sum(plan);
    char up[UI_TEXT_BYTES], down[UI_TEXT_BYTES];
    printf("%s%s%s on %s, %u draw%s; guard %s; %s: log2 q = %.1f, %u bits of security "
           "claimed\n\n",
           ui_on(&u, UI_BOLD), plan->graph->name, ui_on(&u, UI_PLAIN),
           plan->graph->dataset, plan->samples, plan->samples == 1 ? "" : "s",
           bh_guard_name(plan->guard), bh_he_name(plan->he), bh_he_log2_q(plan->he),
           bh_he_security_bits(plan->he));
    printf("%s%-16s %7s %7s %9s %9s %3s %6s %6s %6s %6s%s\n", ui_on(&u, UI_DIM),
           "layer", "blocks", "cts", "up", "down", "l", "log2 B", "log2 F", "hidden",
           "margin", ui_on(&u, UI_PLAIN));
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        print_layer(plan, i);
    }
    printf(
        "\nmargin: bits of room before decryption could fail. --help explains the rest."
        "\nOne prediction: %s up, %s down, %u rounds, %llu answers. All its noise is "
        "within\n2^%.1f of noise that holds nothing of the weights.\n",
        ui_bytes(up, totals.bytes_up), ui_bytes(down, totals.bytes_down),
        plan->n_layers, (unsigned long long)totals.answers,
        bh_plan_distance_log2(plan));
}

static int run(const plan_options *o)
{
    bh_error err = {0};
    bh_model *model = NULL;
    bh_plan *plan = NULL;
    bh_cost cost = bh_cost_default();
    bh_status status = bh_model_load(&model, o->model, &err);
    if (status == BH_OK) {
        status = bh_plan_new(&plan, &model->graph, o->guard, (uint32_t)o->samples,
                             &cost, &err);
    }
    if (status == BH_OK && o->json) {
        print_json(plan);
    } else if (status == BH_OK) {
        print_plan(plan);
    }
    bh_plan_free(plan);
    bh_model_free(model);
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

static bool take(void *user, int c)
{
    plan_options *o = user;
    switch (c) {
    case 'm':
        o->model = optarg;
        return true;
    case 'j':
        o->json = true;
        return true;
    case 's':
        return cli_number(name, "--samples", optarg, 1, BH_SAMPLES_MAX, &o->samples);
    case 'g':
        return cli_guard(name, optarg, &o->guard);
    default:
        return false;
    }
}

int cmd_plan(int argc, char **argv)
{
    static const struct option longs[] = {{"model", required_argument, NULL, 'm'},
                                          {"samples", required_argument, NULL, 's'},
                                          {"guard", required_argument, NULL, 'g'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    plan_options o = {.guard = BH_GUARD_SAMPLED, .samples = 8};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !cli_needs(name, "--model", o.model)) {
        return CLI_USAGE;
    }
    return run(&o);
}
