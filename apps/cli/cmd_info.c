// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <math.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "infer/plan.h"
#include "model/model.h"
#include "remote.h"
#include "ui.h"

static const char name[] = "info";

static const char help[] =
    "usage: bayhenn info [--json]\n"
    "       bayhenn info MODEL [--json]\n"
    "       bayhenn info --connect HOST:PORT (--ca FILE | --fingerprint HEX) [--json]\n"
    "\n"
    "Version and kernels in use; or the facts of a model file; or what a server says\n"
    "of its model, whatever its guard unless --guard names one.\n"
    "\n" REMOTE_HELP "  --json               one line of JSON\n"
    "\n"
    "example:\n"
    "  bayhenn info models/lenet5-mnist.bhn\n";

static void dump(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(8));
    putchar('\n');
    json_decref(line);
}

// The default first.
static const bh_guard guards[] = {CLI_GUARD_DEFAULT, BH_GUARD_SAMPLED};
enum { N_GUARDS = sizeof guards / sizeof guards[0] };

static void print_version_json(bh_he *const *he)
{
    json_t *all = json_array();
    for (size_t i = 0; i < N_GUARDS; i++) {
        json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:f, s:I}", "guard",
                                             bh_guard_name(guards[i]), "params",
                                             bh_he_name(he[i]), "degree",
                                             (json_int_t)bh_he_degree(he[i]), "log2_q",
                                             bh_he_log2_q(he[i]), "security_bits",
                                             (json_int_t)bh_he_security_bits(he[i])));
    }
    dump(json_pack("{s:s, s:I, s:I, s:s, s:o, s:s}", "version", bh_version(),
                   "wire_version", (json_int_t)BH_WIRE_VERSION, "model_version",
                   (json_int_t)BH_MODEL_VERSION, "kernels", bh_he_kernels(he[0]),
                   "guards", all, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING)));
}

static void print_version(bh_he *const *he)
{
    static const char *const what[N_GUARDS] = {
        " (default): hides images and the model's weights, if both sides follow the "
        "protocol",
        ": hides images even from a server that cheats, and the weights from nobody"};
    ui u = ui_make();
    char text[256];
    printf("bayhenn %s (wire protocol %d, model file %d)\n", bh_version(),
           BH_WIRE_VERSION, BH_MODEL_VERSION);
    printf("kernels   %s\n", bh_he_kernels(he[0]));
    for (size_t i = 0; i < N_GUARDS; i++) {
        snprintf(text, sizeof text,
                 "%s%s%s%s\n%s: n = %zu, log2 q = %.1f, %u bits of security claimed",
                 ui_on(&u, UI_BOLD), bh_guard_name(guards[i]), ui_on(&u, UI_PLAIN),
                 what[i], bh_he_name(he[i]), bh_he_degree(he[i]), bh_he_log2_q(he[i]),
                 bh_he_security_bits(he[i]));
        ui_wrap(&u, "guard     ", 10, text);
    }
    printf("openssl   %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
}

static int info_version(bool json)
{
    bh_error err = {0};
    bh_he *he[N_GUARDS] = {NULL};
    bh_status status = BH_OK;
    for (size_t i = 0; i < N_GUARDS && status == BH_OK; i++) {
        status = bh_he_new(&he[i], bh_guard_params(guards[i]), &err);
    }
    if (status == BH_OK) {
        (json ? print_version_json : print_version)(he);
    }
    for (size_t i = 0; i < N_GUARDS; i++) {
        bh_he_free(he[i]);
    }
    return status == BH_OK ? CLI_OK : cli_fail_with(name, &err);
}

static size_t parameters_of(const bh_layer *layer)
{
    return bh_layer_is_linear(layer)
               ? bh_layer_weights_len(layer) + bh_layer_bias_len(layer)
               : 0;
}

static size_t parameters_in_all(const bh_graph *g)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < g->n_layers; i++) {
        sum += parameters_of(&g->layers[i]);
    }
    return sum;
}

static json_t *layer_json(const bh_layer *l)
{
    json_t *json = json_pack("{s:s, s:[I,I,I]}", "kind", bh_layer_kind_name(l->kind),
                             "output", (json_int_t)l->out.channels,
                             (json_int_t)l->out.height, (json_int_t)l->out.width);
    if (bh_layer_is_linear(l)) {
        json_t *more =
            json_pack("{s:I, s:f, s:f, s:I, s:I}", "parameters",
                      (json_int_t)parameters_of(l), "x_scale", l->quant.x_scale,
                      "w_scale", l->quant.w_scale, "shift", (json_int_t)l->quant.shift,
                      "accumulator_max", (json_int_t)l->quant.acc_max);
        json_object_update(json, more);
        json_decref(more);
    }
    return json;
}

// "fixed" or "image"; of tables "column".
static const char *normalise_name(const bh_input *in)
{
    return in->n_columns > 0                     ? "column"
           : in->normalise == BH_NORMALISE_IMAGE ? "image"
                                                 : "fixed";
}

static void print_model_json(const bh_model *m)
{
    const bh_graph *g = &m->graph;
    json_t *layers = json_array();
    for (uint32_t i = 0; i < g->n_layers; i++) {
        json_array_append_new(layers, layer_json(&g->layers[i]));
    }
    dump(json_pack(
        "{s:s, s:s, s:[I,I,I], s:s, s:I, s:I, s:I, s:f, s:b, s:o}", "model", g->name,
        "dataset", g->dataset, "input", (json_int_t)g->input.shape.channels,
        (json_int_t)g->input.shape.height, (json_int_t)g->input.shape.width,
        "normalisation", normalise_name(&g->input), "classes", (json_int_t)g->n_classes,
        "parameters", (json_int_t)parameters_in_all(g), "members",
        (json_int_t)m->members, "temperature", g->temperature, "quantised",
        g->quantised, "layers", layers));
}

static void print_input(const bh_input *in)
{
    if (in->n_columns > 0) {
        printf("%u column%s in", in->n_columns, in->n_columns == 1 ? "" : "s");
        return;
    }
    printf("%ux%u, %u channel%s in%s", in->shape.width, in->shape.height,
           in->shape.channels, in->shape.channels == 1 ? "" : "s",
           in->normalise == BH_NORMALISE_IMAGE ? " (each by its own mean and deviation)"
                                               : "");
}

static void print_model(const bh_model *m)
{
    const bh_graph *g = &m->graph;
    ui u = ui_make();
    printf("%s%s%s trained on %s: ", ui_on(&u, UI_BOLD), g->name, ui_on(&u, UI_PLAIN),
           g->dataset);
    print_input(&g->input);
    printf(", %u classes out\n", g->n_classes);
    printf("%zu parameters, a mean and a deviation each; %s\n", parameters_in_all(g),
           g->quantised ? "quantised" : "not quantised");
    if (m->members > 1) {
        printf("%u members of as many parameters, mixed equally\n", m->members);
    }
    if (g->temperature != 1) {
        printf("logits are divided by the temperature %.4g\n", g->temperature);
    }
    putchar('\n');
    printf("%s%-13s %-12s %10s %11s %11s %6s %9s%s\n", ui_on(&u, UI_DIM), "layer",
           "output", "parameters", "x scale", "w scale", "shift", "acc bits",
           ui_on(&u, UI_PLAIN));
    for (uint32_t i = 0; i < g->n_layers; i++) {
        const bh_layer *l = &g->layers[i];
        char out[48];
        snprintf(out, sizeof out, "%ux%ux%u", l->out.channels, l->out.height,
                 l->out.width);
        printf("%-13s %-12s", bh_layer_kind_name(l->kind), out);
        if (bh_layer_is_linear(l)) {
            printf(" %10zu", parameters_of(l));
        }
        if (bh_layer_is_linear(l) && g->quantised) {
            printf(" %11.3g %11.3g %6u %9.1f", l->quant.x_scale, l->quant.w_scale,
                   l->quant.shift, log2((double)l->quant.acc_max) + 1);
        }
        putchar('\n');
    }
}

static int info_model(const char *path, bool json)
{
    bh_error err = {0};
    bh_model *model = NULL;
    if (bh_model_load(&model, path, &err) != BH_OK) {
        return cli_fail_with(name, &err);
    }
    (json ? print_model_json : print_model)(model);
    bh_model_free(model);
    return CLI_OK;
}

static void print_server_json(const bh_client_facts *f)
{
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:[I,I,I], s:s, s:I, s:I}", "model", f->model_name,
        "dataset", f->dataset, "guard", bh_guard_name(f->guard), "samples",
        (json_int_t)f->samples, "classes", (json_int_t)f->n_classes, "input",
        (json_int_t)f->channels, (json_int_t)f->height, (json_int_t)f->width, "params",
        f->params_name, "security_bits", (json_int_t)f->security_bits, "rounds",
        (json_int_t)f->rounds);
    if (f->columns > 0) {
        json_object_set_new(line, "columns", json_integer(f->columns));
    }
    if (f->guard == BH_GUARD_SEALED) {
        json_object_set_new(line, "reveal", json_string(cli_reveal_name(f->reveal)));
        json_object_set_new(line, "ahead", json_integer(f->ahead));
    }
    dump(line);
}

static void print_server(const bh_client_facts *f)
{
    ui u = ui_make();
    char text[512];
    printf("model       %s on %s, %u classes\n", f->model_name, f->dataset,
           f->n_classes);
    if (f->columns > 0) {
        printf("input       rows of a table, columns: %u\n", f->columns);
    } else {
        printf("input       %ux%u, channels: %u\n", f->width, f->height, f->channels);
    }
    printf("draws       %u for every input, %u round%s\n", f->samples, f->rounds,
           f->rounds == 1 ? "" : "s");
    if (f->guard == BH_GUARD_SEALED) {
        printf("reveals     %s\n", f->reveal == BH_REVEAL_LABEL
                                       ? "the label alone"
                                       : "the logits of every draw, rounded");
        printf("ahead       %u quer%s can be prepared\n", f->ahead,
               f->ahead == 1 ? "y" : "ies");
    }
    printf("parameters  %s, %u bits of security claimed\n", f->params_name,
           f->security_bits);
    snprintf(text, sizeof text, "%s%s%s: %s", ui_on(&u, UI_BOLD),
             bh_guard_name(f->guard), ui_on(&u, UI_PLAIN),
             cli_guard_note(f->guard, f->reveal));
    ui_wrap(&u, "guard       ", 12, text);
}

static int info_server(const remote *r, const bh_tls_client_options *options, bool json)
{
    bh_tls_client *connection = NULL;
    int status = remote_open(name, r, options, &connection);
    if (status == CLI_OK) {
        bh_client_facts f = bh_client_get_facts(bh_tls_client_engine(connection));
        (json ? print_server_json : print_server)(&f);
    }
    bh_tls_client_free(connection);
    return status;
}

typedef struct info_options {
    remote server;
    bool of_server; // an option for `server` was given
    bool json;
} info_options;

static bool take(void *user, int c)
{
    info_options *o = user;
    if (c == 'j') {
        o->json = true;
        return true;
    }
    o->of_server = true;
    return remote_take(&o->server, c, optarg);
}

int cmd_info(int argc, char **argv)
{
    static const struct option longs[] = {REMOTE_OPTIONS,
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    info_options o = {0};
    bh_tls_client_options options;
    int parsed = cli_parse(name, help, longs, take, &o, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (o.of_server && !remote_options(name, &o.server, &options)) {
        return CLI_USAGE;
    }
    const char *model = !o.of_server && optind < argc ? argv[optind++] : NULL;
    if (!cli_no_operands(name, argc, argv)) {
        return CLI_USAGE;
    }
    return o.of_server     ? info_server(&o.server, &options, o.json)
           : model != NULL ? info_model(model, o.json)
                           : info_version(o.json);
}
