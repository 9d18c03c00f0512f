// SPDX-License-Identifier: Apache-2.0
// Both parties in one process, over TLS on the loopback interface.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "net/clock.h"
#include "net/selfsigned.h"
#include "result.h"
#include "shipped.h"

static const char name[] = "demo";

// Of the digits as shipped these two, a 7 and a 5, leave much doubt when mixed.
enum { MIXTURE_A = 0, MIXTURE_B = 8 };

static const char help[] =
    "usage: bayhenn demo [--model FILE] [--images DIR] [--samples S] [--count N]\n"
    "                    [--guard NAME] [--reveal WHAT]\n"
    "\n"
    "Starts a server and a client that talk over TLS on this machine, and has the\n"
    "client's handwritten digits predicted unseen. At the end comes an image of two\n"
    "digits at once, for which a good model should not be sure.\n"
    "\n"
    "  --model FILE     a trained model [models/lenet5-mnist.bhn as shipped]\n"
    "  --images DIR     a folder of PNG files [the MNIST digits as shipped]; the\n"
    "                   label is read from names such as x-label7.png\n"
    "  --samples S      draws of the weights for every image [8]\n"
    "  --count N        images to predict [10]; the mixture needs 9\n"
    "  --guard NAME     sealed: the model's weights stay hidden, too; sampled: they\n"
    "                   do not [sealed]\n"
    "  --reveal WHAT    of guard sealed: logits, or the label alone [logits]\n"
    "\n"
    "example:\n"
    "  bayhenn demo --samples 16 --count 20\n";

typedef struct demo {
    const char *model, *images;     // as given, or NULL
    char *model_path, *images_path; // as used
    uint64_t samples, count;
    bh_guard guard;
    bh_reveal reveal;
    ui u;
    bh_selfsigned identity;
    bh_tls_server *server;
    size_t right, labelled;
    double client_ms, server_ms, total_ms, prepare_ms;
    uint64_t up, down, prepare_up, prepare_down, queries;
    uint32_t rounds;
} demo;

static void *server_main(void *argument)
{
    bh_error err = {0};
    if (bh_tls_server_run(argument, &err) != BH_OK) {
        cli_fail(name, "%s", err.message);
    }
    return NULL;
}

// The digit in "x-label7.png"; -1 where a name says nothing.
static int label_of(const char *file)
{
    const char *found = strstr(file, "label");
    return found != NULL && found[5] >= '0' && found[5] <= '9' ? found[5] - '0' : -1;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int predict_one(demo *d, bh_tls_client *connection, const char *file,
                       const uint8_t *pixels, bh_shape shape)
{
    shown_result result;
    picture drawn;
    bh_error err = {0};
    ui_progress(&d->u, base_name(file), 0, -1, "preparing");
    bh_status status = bh_tls_client_prepare(connection, &err);
    if (status == BH_OK || status == BH_WANT_MORE) {
        ui_progress(&d->u, base_name(file), 0.5, -1, "unseen");
        status = result_query(&result, connection, base_name(file), pixels, &err);
    }
    ui_progress_end(&d->u);
    if (status != BH_OK) {
        return cli_fail_with(name, &err);
    }
    int label = label_of(file);
    bool right = label == (int)result.r.prediction.label;
    const char *remark = label < 0 ? "" : right ? " and right" : " and wrong";
    d->labelled += label >= 0;
    d->right += label >= 0 && right;
    d->queries++;
    d->total_ms += result.total_ms;
    d->client_ms += result.r.client_ms;
    d->server_ms += result.r.server_ms;
    d->up += result.r.bytes_up;
    d->down += result.r.bytes_down;
    d->prepare_ms += result.r.prepare_ms;
    d->prepare_up += result.r.prepare_bytes_up;
    d->prepare_down += result.r.prepare_bytes_down;
    d->rounds = result.r.rounds;
    picture_draw(&drawn, &d->u, pixels, shape);
    result_print(&result, &d->u, &drawn, remark);
    return ferror(stdout) ? cli_fail_output(name) : CLI_OK;
}

// The mean of two images: belongs to no class, or to two.
static int predict_mixture(demo *d, bh_tls_client *connection, const inputs *in,
                           bh_shape shape)
{
    size_t len = bh_shape_len(shape);
    uint8_t *pixels = malloc(len);
    if (pixels == NULL) {
        return cli_fail(name, "out of memory");
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t a = in->items[MIXTURE_A].pixels[i], b = in->items[MIXTURE_B].pixels[i];
        pixels[i] = (uint8_t)((a + b + 1) / 2);
    }
    char text[128];
    snprintf(text, sizeof text,
             "%sNow something that is no digit: the mean of two images.%s\n",
             ui_on(&d->u, UI_DIM), ui_on(&d->u, UI_PLAIN));
    ui_wrap(&d->u, "", 0, text);
    int status = predict_one(d, connection, "mean of two images", pixels, shape);
    free(pixels);
    return status;
}

static void print_hidden(const demo *d)
{
    bool sealed = d->guard == BH_GUARD_SEALED;
    const char *lines[][2] = {
        {"hidden from the server   ",
         "the images, everything computed from them, the results"},
        {"hidden from the network  ", "all of it (TLS 1.3)"},
        {"hidden from the client   ",
         sealed ? "the weights: of hidden layers it saw random numbers only"
                : "nothing that counts: guard sampled does not protect the weights, "
                  "clients can compute them from the answers"},
        {"shown to the client      ", !sealed ? "the outputs of every layer"
                                      : d->reveal == BH_REVEAL_LABEL
                                          ? "the label of each image, nothing else"
                                          : "the logits of each draw, rounded"},
        {"assumed                  ", sealed ? "that both sides follow the protocol"
                                             : "nothing of the server, it may cheat"},
    };
    bool narrow = d->u.width < 60;
    int indent = narrow ? 2 : (int)strlen(lines[0][0]);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char first[32];
        const char *gap = strstr(lines[i][0], "  ");
        int len = (int)(narrow ? gap - lines[i][0] : indent);
        snprintf(first, sizeof first, "%.*s%s", len, lines[i][0], narrow ? ": " : "");
        ui_wrap(&d->u, first, indent, lines[i][1]);
    }
}

static void print_prepared(const demo *d)
{
    char up[UI_TEXT_BYTES], down[UI_TEXT_BYTES], time[UI_TEXT_BYTES], text[256];
    double n = (double)d->queries;
    snprintf(text, sizeof text,
             "What does not depend on an image was prepared before it: %s, %s up and "
             "%s down.\n",
             ui_time(time, d->prepare_ms / n),
             ui_bytes(up, (uint64_t)((double)d->prepare_up / n)),
             ui_bytes(down, (uint64_t)((double)d->prepare_down / n)));
    ui_wrap(&d->u, "", 0, text);
}

static void print_summary(const demo *d)
{
    char up[UI_TEXT_BYTES], down[UI_TEXT_BYTES], client[UI_TEXT_BYTES];
    char server[UI_TEXT_BYTES], total[UI_TEXT_BYTES], right[96] = "", text[512];
    double n = (double)d->queries;
    if (d->labelled > 0) {
        snprintf(right, sizeof right, "%s%zu of %zu digit%s right%s; ",
                 ui_on(&d->u, UI_BOLD), d->right, d->labelled,
                 d->labelled == 1 ? "" : "s", ui_on(&d->u, UI_PLAIN));
    }
    snprintf(text, sizeof text,
             "%sa prediction took %s (client %s, server %s), %u rounds, %s up and %s "
             "down.%s",
             right, ui_time(total, d->total_ms / n), ui_time(client, d->client_ms / n),
             ui_time(server, d->server_ms / n), d->rounds,
             ui_bytes(up, (uint64_t)((double)d->up / n)),
             ui_bytes(down, (uint64_t)((double)d->down / n)),
             d->guard == BH_GUARD_SEALED ? "" : "\n");
    ui_wrap(&d->u, "", 0, text);
    if (d->guard == BH_GUARD_SEALED) {
        print_prepared(d);
    }
    print_hidden(d);
}

static int predict_all(demo *d, bh_tls_client *connection, inputs *in)
{
    bh_client_facts facts = bh_client_get_facts(bh_tls_client_engine(connection));
    bh_shape shape = {facts.channels, facts.height, facts.width};
    int status = inputs_load(name, in, bh_tls_client_engine(connection));
    if (status == CLI_OK) {
        result_print_guard(&facts, &d->u);
    }
    for (size_t i = 0; i < in->count && status == CLI_OK; i++) {
        status =
            predict_one(d, connection, in->items[i].name, in->items[i].pixels, shape);
    }
    demo digits = *d; // the mixture does not count in the summary
    // What it shows is doubt, of which a label has none.
    if (status == CLI_OK && in->count > MIXTURE_B && !result_is_label_alone(&facts)) {
        status = predict_mixture(&digits, connection, in, shape);
    }
    if (status == CLI_OK) {
        print_summary(d);
    }
    return status;
}

static int with_client(demo *d, inputs *in)
{
    char address[32];
    bh_error err = {0};
    bh_tls_client *connection = NULL;
    snprintf(address, sizeof address, "127.0.0.1:%u", bh_tls_server_port(d->server));
    bh_tls_client_options options = {.connect = address,
                                     .ca_file = d->identity.cert,
                                     .guard = d->guard,
                                     .timeout_ms = 120000};
    if (bh_tls_client_new(&connection, &options, &err) != BH_OK) {
        return cli_fail_with(name, &err);
    }
    int status = predict_all(d, connection, in);
    bh_tls_client_free(connection);
    return status;
}

static int with_service(demo *d, const bh_service *service, inputs *in)
{
    bh_error err = {0};
    pthread_t thread;
    if (!bh_selfsigned_make(&d->identity)) {
        return cli_fail(name, "cannot make a certificate for this run");
    }
    bh_tls_server_options options = {.listen = "127.0.0.1:0",
                                     .cert_file = d->identity.cert,
                                     .key_file = d->identity.key,
                                     .workers = 1,
                                     .idle_timeout_ms = 120000};
    int status = CLI_FAILURE;
    if (bh_tls_server_new(&d->server, service, &options, &err) != BH_OK) {
        cli_fail_with(name, &err);
    } else if (pthread_create(&thread, NULL, server_main, d->server) != 0) {
        cli_fail(name, "cannot start the server's thread");
    } else {
        status = with_client(d, in);
        bh_tls_server_stop(d->server);
        pthread_join(thread, NULL);
    }
    bh_tls_server_free(d->server);
    bh_selfsigned_remove(&d->identity);
    return status;
}

static int run(demo *d)
{
    bh_error err = {0};
    bh_model *model = NULL;
    bh_service *service = NULL;
    inputs in = {0};
    bh_service_options options = {.guard = d->guard,
                                  .samples = (uint32_t)d->samples,
                                  .reveal = d->reveal,
                                  .clock = bh_clock_us};
    int status = inputs_find_folder(name, &in, d->images_path, (size_t)d->count);
    if (status == CLI_OK &&
        (bh_model_load(&model, d->model_path, &err) != BH_OK ||
         bh_service_new(&service, model, &options, &err) != BH_OK)) {
        status = cli_fail_with(name, &err);
    }
    if (status == CLI_OK) {
        status = with_service(d, service, &in);
    }
    bh_service_free(service);
    bh_model_free(model);
    inputs_free(&in);
    return status;
}

// Takes a copy of what was given, or looks for what came with the program.
static char *path_or_shipped(const char *given, const char *shipped, const char *option)
{
    char *path = given != NULL ? strdup(given) : shipped_find(shipped);
    if (path == NULL) {
        cli_fail(name, "%s is neither here nor beside the program: give %s", shipped,
                 option);
    }
    return path;
}

static bool take(void *user, int c)
{
    demo *d = user;
    switch (c) {
    case 'm':
        d->model = optarg;
        return true;
    case 'i':
        d->images = optarg;
        return true;
    case 's':
        return cli_number(name, "--samples", optarg, 1, BH_SAMPLES_MAX, &d->samples);
    case 'g':
        return cli_guard(name, optarg, &d->guard);
    case 'r':
        return cli_reveal(name, optarg, &d->reveal);
    case 'n':
        return cli_number(name, "--count", optarg, 1, 100000, &d->count);
    default:
        return false;
    }
}

int cmd_demo(int argc, char **argv)
{
    static const struct option longs[] = {{"model", required_argument, NULL, 'm'},
                                          {"images", required_argument, NULL, 'i'},
                                          {"samples", required_argument, NULL, 's'},
                                          {"count", required_argument, NULL, 'n'},
                                          {"guard", required_argument, NULL, 'g'},
                                          {"reveal", required_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    demo d = {.samples = 8, .count = 10, .guard = CLI_GUARD_DEFAULT, .u = ui_make()};
    int parsed = cli_parse(name, help, longs, take, &d, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(name, argc, argv)) {
        return CLI_USAGE;
    }
    if (d.guard != BH_GUARD_SEALED && d.reveal != BH_REVEAL_LOGITS) {
        return cli_usage(name,
                         "--reveal is for guard sealed: under sampled clients see "
                         "the outputs of every layer");
    }
    d.model_path = path_or_shipped(d.model, "models/lenet5-mnist.bhn", "--model FILE");
    d.images_path = path_or_shipped(d.images, "mnist", "--images DIR");
    int status = d.model_path != NULL && d.images_path != NULL ? run(&d) : CLI_FAILURE;
    free(d.model_path);
    free(d.images_path);
    return status;
}
