// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "infer/calibrate.h"
#include "model/synthetic.h"
#include "net/clock.h"
#include "plan/plan_sealed.h"
#include "plan/plan_time.h"

static const char name[] = "plan";

static const char help[] =
    "usage: bayhenn plan (--model FILE | --net NAME) [--samples S] [--guard NAME]\n"
    "                    [--reveal WHAT] [--logit-bits N] [--link LINK]\n"
    "                    [--threads N] [--prepared] [--profile FILE] [--json]\n"
    "\n"
    "What one prediction costs on the wire, for every linear layer, how near it is to\n"
    "exact inference, and how long it will take. Blocks, and how transfers are made,\n"
    "are chosen for the link and for the speed of this machine, which is measured\n"
    "first.\n"
    "\n"
    "  --model FILE    a trained model (.bhn)\n"
    "  --net NAME      lenet5, lenet-caffe, netd or minionn-cifar with weights that\n"
    "                  nobody trained\n"
    "  --samples S     draws of the weights for every image [8]\n"
    "  --guard NAME    sealed or sampled, as serve has them [sealed]\n"
    "  --link LINK     10gbit, 1gbit, 56kbit, bytes per second, or \"bytes\" for the\n"
    "                  fewest bytes; with a round trip: 100mbit,40ms [1gbit]\n"
    "                  (without one it is 0.2 ms from 1gbit on, and 20 ms below)\n"
    "  --threads N     of the server [1]\n"
    "  --json          one line of JSON\n"
    "guard sealed alone:\n"
    "  --reveal WHAT   logits, or the label alone [logits]\n"
    "  --logit-bits N  fraction bits that logits keep, 1 to 24 [8]\n"
    "guard sampled alone:\n"
    "  --prepared      for a server whose --prepare has work ahead for every query\n"
    "  --profile FILE  shows what infer --profile FILE measured beside it, with that\n"
    "                  server's blocks; --link, --threads and --prepared have to be\n"
    "                  stated as they were there\n"
    "\n"
    "blocks    input and output blocks of a tile, times tiles\n"
    "cts       ciphertexts up and down\n"
    "l         bits of an accumulator: results are integers modulo 2^l\n"
    "margin    bits of room before decryption could fail; 0.0 is enough, since it is\n"
    "          counted from a proven bound\n"
    "sealed:\n"
    "off by 1  how often an accumulator is off by one unit\n"
    "by ...    random transfers, by the protocol that makes them\n"
    "flights   messages, one way; one that serves two layers counts for the first\n"
    "sampled:\n"
    "log2 B    bound on the noise, exceeded with probability below 2^-64\n"
    "log2 F    size of the uniform noise that drowns it\n"
    "hidden    bits by which F drowns B: log2 (2F / B)\n"
    "client, up, server, down\n"
    "          milliseconds of all draws at the client, on the link, at the server;\n"
    "          they overlap\n"
    "done      when the client has the layer's last result\n"
    "\n"
    "examples:\n"
    "  bayhenn plan --model models/lenet5-mnist.bhn --link 100mbit,40ms\n"
    "  bayhenn plan --net lenet-caffe --guard sampled --samples 1\n";

typedef struct plan_options {
    const char *model, *net, *profile;
    bh_guard guard;
    bh_reveal reveal;
    uint64_t logit_bits; // 0: not given
    uint64_t samples, threads;
    bh_link link;
    bool json, prepared;
} plan_options;

// What there is to show.
typedef struct shown_plan {
    bh_plan *plan;
    bh_cost cost;
    const profile *measured; // or NULL
} shown_plan;

static json_t *layer_json(const shown_plan *shown, const plan_time *time, uint32_t i)
{
    const bh_plan *plan = shown->plan;
    const bh_plan_layer *l = &plan->layers[i];
    char text[64];
    json_t *json = json_pack(
        "{s:s, s:{s:I, s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I}, s:I, s:f, s:I, s:f, s:f, "
        "s:o}",
        "layer", plan_describe(text, sizeof text, plan, i), "blocks", "in",
        (json_int_t)l->linear.in_blocks, "out", (json_int_t)l->linear.out_blocks,
        "tiles", (json_int_t)l->linear.tiles_h * l->linear.tiles_w, "ciphertexts", "up",
        (json_int_t)l->ciphertexts_up, "down", (json_int_t)l->ciphertexts_down, "bytes",
        "up", (json_int_t)l->bytes_up, "down", (json_int_t)l->bytes_down,
        "accumulator_bits", (json_int_t)l->t_bits, "noise_log2", l->noise.bound_log2,
        "flood_log2", (json_int_t)l->noise.flood_log2, "statistical_bits",
        l->noise.statistical_bits, "margin_bits", l->noise.margin_bits, "predicted_ms",
        plan_time_json(&time->layers[i]));
    if (shown->measured != NULL) {
        json_object_set_new(json, "measured_ms",
                            plan_time_measured_json(&shown->measured->layers[i]));
    }
    return json;
}

static void print_json(const shown_plan *shown)
{
    const bh_plan *plan = shown->plan;
    if (plan->guard == BH_GUARD_SEALED) {
        plan_sealed_print_json(plan, &shown->cost);
        return;
    }
    bh_plan_totals totals = bh_plan_sum(plan);
    plan_time time = plan_time_predict(plan, &shown->cost);
    json_t *layers = json_array();
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        json_array_append_new(layers, layer_json(shown, &time, i));
    }
    json_t *line = json_pack(
        "{s:s, s:s, s:I, s:s, s:I, s:I, s:o, s:{s:I, s:I}, s:I, s:f, s:{s:f, s:f}, "
        "s:I, s:b, s:f}",
        "model", plan->graph->name, "guard", bh_guard_name(plan->guard), "samples",
        (json_int_t)plan->samples, "params", bh_he_name(plan->he), "security_bits",
        (json_int_t)bh_he_security_bits(plan->he), "rounds", (json_int_t)plan->n_layers,
        "layers", layers, "bytes", "up", (json_int_t)totals.bytes_up, "down",
        (json_int_t)totals.bytes_down, "answers", (json_int_t)totals.answers,
        "distance_log2", bh_plan_distance_log2(plan), "link", "bytes_per_second",
        shown->cost.link.bytes_per_second, "rtt_ms", shown->cost.link.rtt_seconds * 1e3,
        "threads", (json_int_t)shown->cost.server_threads, "prepared",
        shown->cost.prepared, "predicted_ms", time.total_ms);
    if (shown->measured != NULL) {
        json_object_set_new(line, "measured_ms", json_real(shown->measured->total_ms));
    }
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(line);
}

static void print_layer(const bh_plan *plan, uint32_t i)
{
    const bh_plan_layer *l = &plan->layers[i];
    char text[64], blocks[32], cts[32], up[UI_TEXT_BYTES], down[UI_TEXT_BYTES];
    printf("%-16s %7s %7s %9s %9s %3u %6.1f %6u %6.1f %6.1f\n",
           plan_describe(text, sizeof text, plan, i),
           plan_blocks(blocks, sizeof blocks, l), plan_ciphertexts(cts, sizeof cts, l),
           ui_bytes(up, l->bytes_up), ui_bytes(down, l->bytes_down), l->t_bits,
           l->noise.bound_log2, l->noise.flood_log2, l->noise.statistical_bits,
           l->noise.margin_bits);
}

static void print_sampled(const shown_plan *shown, const ui *u)
{
    const bh_plan *plan = shown->plan;
    bh_plan_totals totals = bh_plan_sum(plan);
    char up[UI_TEXT_BYTES], down[UI_TEXT_BYTES];
    printf("%s%-16s %7s %7s %9s %9s %3s %6s %6s %6s %6s%s\n", ui_on(u, UI_DIM), "layer",
           "blocks", "cts", "up", "down", "l", "log2 B", "log2 F", "hidden", "margin",
           ui_on(u, UI_PLAIN));
    for (uint32_t i = 0; i < plan->n_layers; i++) {
        print_layer(plan, i);
    }
    printf(
        "\nOne prediction: %s up, %s down, %u rounds, %llu answers. All its noise is "
        "within\n2^%.1f of noise that holds nothing of the weights.\n",
        ui_bytes(up, totals.bytes_up), ui_bytes(down, totals.bytes_down),
        plan->n_layers, (unsigned long long)totals.answers,
        bh_plan_distance_log2(plan));
    plan_time_print(plan, &shown->cost, shown->measured, u);
}

static void print_plan(const shown_plan *shown)
{
    const bh_plan *plan = shown->plan;
    ui u = ui_make();
    char text[512];
    snprintf(
        text, sizeof text,
        "%s%s%s on %s, %u draw%s; guard %s; %s: log2 q = %.1f, %u bits of security "
        "claimed\n",
        ui_on(&u, UI_BOLD), plan->graph->name, ui_on(&u, UI_PLAIN),
        plan->graph->dataset, plan->samples, plan->samples == 1 ? "" : "s",
        bh_guard_name(plan->guard), bh_he_name(plan->he), bh_he_log2_q(plan->he),
        bh_he_security_bits(plan->he));
    ui_wrap(&u, "", 0, text);
    if (plan->guard == BH_GUARD_SEALED) {
        plan_sealed_print(plan, &shown->cost, &u);
    } else {
        print_sampled(shown, &u);
    }
    printf("--help explains the columns.\n");
}

static bh_status load_model(bh_model **out, const plan_options *o, bh_error *err)
{
    enum { SEED = 1 }; // the same network is the same model every time
    return o->net != NULL ? bh_model_synthetic(out, o->net, SEED, err)
                          : bh_model_load(out, o->model, err);
}

static bh_status make_plan(shown_plan *out, const bh_model *model,
                           const plan_options *o, bh_error *err)
{
    out->cost = bh_cost_default();
    out->cost.prepared = o->prepared;
    out->cost.server_threads = (uint32_t)o->threads;
    if (o->link.bytes_per_second > 0) {
        out->cost.link = o->link;
    }
    bh_status status = bh_calibrate(&out->cost, o->guard, bh_clock_us, err);
    if (status == BH_OK) {
        status =
            bh_plan_new(&out->plan, &model->graph,
                        &(const bh_plan_options){.guard = o->guard,
                                                 .samples = (uint32_t)o->samples,
                                                 .reveal = o->reveal,
                                                 .logit_bits = (uint32_t)o->logit_bits},
                        &out->cost, err);
    }
    if (out->cost.link.bytes_per_second <= BH_LINK_BYTES_ONLY) {
        out->cost.link = bh_cost_default().link; // that times are shown for
    }
    return status;
}

static bh_status find_measured(shown_plan *shown, profile *room, const char *path,
                               bh_error *err)
{
    bh_status status = profile_read(room, path, err);
    if (status == BH_OK) {
        status = plan_time_adopt(&shown->plan, room, err);
    }
    shown->measured = room;
    return status;
}

static int run(const plan_options *o)
{
    bh_error err = {0};
    bh_model *model = NULL;
    shown_plan shown = {0};
    profile measured;
    bh_status status = load_model(&model, o, &err);
    if (status == BH_OK) {
        status = make_plan(&shown, model, o, &err);
    }
    if (status == BH_OK && o->profile != NULL) {
        status = find_measured(&shown, &measured, o->profile, &err);
    }
    if (status == BH_OK && o->json) {
        print_json(&shown);
    } else if (status == BH_OK) {
        print_plan(&shown);
    }
    bh_plan_free(shown.plan);
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
    case 'n':
        o->net = optarg;
        return true;
    case 'p':
        o->profile = optarg;
        return true;
    case 'j':
        o->json = true;
        return true;
    case 'P':
        o->prepared = true;
        return true;
    case 'l':
        return cli_link(name, optarg, &o->link);
    case 't':
        return cli_number(name, "--threads", optarg, 1, BH_POOL_THREADS_MAX,
                          &o->threads);
    case 's':
        return cli_number(name, "--samples", optarg, 1, BH_SAMPLES_MAX, &o->samples);
    case 'g':
        return cli_guard(name, optarg, &o->guard);
    case 'r':
        return cli_reveal(name, optarg, &o->reveal);
    case 'b':
        return cli_number(name, "--logit-bits", optarg, 1, BH_LOGIT_BITS_MAX,
                          &o->logit_bits);
    default:
        return false;
    }
}

// An option given that says nothing of this guard, or NULL.
static const char *of_other_guard(const plan_options *o)
{
    if (o->guard == BH_GUARD_SEALED) {
        return o->profile != NULL ? "--profile" : o->prepared ? "--prepared" : NULL;
    }
    return o->reveal != BH_REVEAL_LOGITS ? "--reveal"
           : o->logit_bits != 0          ? "--logit-bits"
                                         : NULL;
}

int cmd_plan(int argc, char **argv)
{
    static const struct option longs[] = {{"model", required_argument, NULL, 'm'},
                                          {"net", required_argument, NULL, 'n'},
                                          {"samples", required_argument, NULL, 's'},
                                          {"guard", required_argument, NULL, 'g'},
                                          {"reveal", required_argument, NULL, 'r'},
                                          {"logit-bits", required_argument, NULL, 'b'},
                                          {"link", required_argument, NULL, 'l'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"prepared", no_argument, NULL, 'P'},
                                          {"profile", required_argument, NULL, 'p'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    plan_options o = {.guard = CLI_GUARD_DEFAULT, .samples = 8, .threads = 1};
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv) || !cli_one_model(name, o.model, o.net)) {
        return CLI_USAGE;
    }
    const char *other = of_other_guard(&o);
    if (other != NULL) {
        return cli_usage(name, "%s is for guard %s: this plan is for guard %s", other,
                         o.guard == BH_GUARD_SEALED ? "sampled" : "sealed",
                         bh_guard_name(o.guard));
    }
    return run(&o);
}
