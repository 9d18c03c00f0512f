// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "eval/eval.h"

// "28x28", "50x50 in colour", "8x8 with 4 channels"
static const char *shape_text(char *text, size_t size, bh_shape s)
{
    int len = snprintf(text, size, "%ux%u", s.width, s.height);
    if (s.channels == 3) {
        snprintf(text + len, size - (size_t)len, " in colour");
    } else if (s.channels != 1) {
        snprintf(text + len, size - (size_t)len, " with %u channels", s.channels);
    }
    return text;
}

static int check_shape(const eval_setting *s, const char *path, const bh_images *images)
{
    char got[64], wanted[64];
    if (bh_shape_equal(images->shape, s->shape)) {
        return CLI_OK;
    }
    return cli_fail(eval_name, "the images in %s are %s, the model takes %s", path,
                    shape_text(got, sizeof got, images->shape),
                    shape_text(wanted, sizeof wanted, s->shape));
}

// The numbers would be called those of a model that did not make them. The manifest
// does not prove what the server computes with; this finds the honest mistake.
static int check_server(const eval_setting *s)
{
    const eval_options *o = s->o;
    bh_client_facts f = bh_client_get_facts(bh_tls_client_engine(s->connection));
    if (f.guard == BH_GUARD_SEALED && f.reveal == BH_REVEAL_LABEL) {
        return cli_fail(eval_name,
                        "the server reveals labels alone, and eval takes the "
                        "probabilities of every class");
    }
    if (o->samples_given && f.samples != o->samples) {
        return cli_fail(eval_name,
                        "the server makes %u draws for every image, not %llu: leave "
                        "--samples out, or start the server with --samples %llu",
                        f.samples, (unsigned long long)o->samples,
                        (unsigned long long)o->samples);
    }
    if (s->model == NULL) {
        return CLI_OK;
    }
    const bh_graph *g = &s->model->graph;
    const bh_shape *in = &g->input.shape;
    if (strcmp(g->name, f.model_name) != 0 || strcmp(g->dataset, f.dataset) != 0 ||
        in->channels != f.channels || in->height != f.height || in->width != f.width ||
        g->n_classes != f.n_classes) {
        return cli_fail(eval_name,
                        "the server's model is %s on %s (%ux%u, %u classes), not that "
                        "of %s: %s on %s (%ux%u, %u classes)",
                        f.model_name, f.dataset, f.width, f.height, f.n_classes,
                        o->model, g->name, g->dataset, in->width, in->height,
                        g->n_classes);
    }
    return CLI_OK;
}

static void take_facts(eval_setting *s)
{
    s->samples = (uint32_t)s->o->samples;
    if (s->model != NULL) {
        const bh_graph *g = &s->model->graph;
        s->model_name = g->name;
        s->dataset = g->dataset;
        s->shape = g->input.shape;
        s->classes = g->n_classes;
    }
    if (s->connection != NULL) {
        bh_client_facts f = bh_client_get_facts(bh_tls_client_engine(s->connection));
        s->model_name = f.model_name;
        s->dataset = f.dataset;
        s->shape = (bh_shape){f.channels, f.height, f.width};
        s->classes = f.n_classes;
        s->samples = f.samples;
    }
}

static int take_counts(eval_setting *s)
{
    const eval_options *o = s->o;
    if (o->limit != UINT64_MAX && o->limit > s->images.count) {
        return cli_usage(eval_name,
                         "there are only %zu images in %s: --limit %llu is "
                         "more",
                         s->images.count, o->data, (unsigned long long)o->limit);
    }
    s->count = o->limit < s->images.count ? (size_t)o->limit : s->images.count;
    s->ood_count = o->limit < s->ood.count ? (size_t)o->limit : s->ood.count;
    return CLI_OK;
}

static int open_files(eval_setting *s)
{
    const eval_options *o = s->o;
    bh_error err = {0};
    bh_status status =
        o->model != NULL ? bh_model_load(&s->model, o->model, &err) : BH_OK;
    status = status == BH_OK ? eval_data_load(s, &err) : status;
    if (status == BH_OK) {
        status = cli_pool(&s->pool, o->threads, &err);
    }
    if (status != BH_OK) {
        return cli_fail_with(eval_name, &err);
    }
    return s->model != NULL && o->paths[EVAL_QUANTISED] && !s->model->graph.quantised
               ? cli_fail(eval_name, "%s is not quantised: --path float alone will do",
                          o->model)
               : CLI_OK;
}

// The images of the part, once it is known what the model makes of them.
static int take_images(eval_setting *s)
{
    bh_error err = {0};
    int status =
        eval_data_take(s, &err) == BH_OK ? CLI_OK : cli_fail_with(eval_name, &err);
    if (status == CLI_OK) {
        status = check_shape(s, s->o->data, &s->images);
    }
    if (status == CLI_OK && s->o->ood != NULL) {
        status = check_shape(s, s->o->ood, &s->ood);
    }
    return status == CLI_OK ? take_counts(s) : status;
}

int eval_setting_open(eval_setting *s, const bh_tls_client_options *server)
{
    int status = open_files(s);
    if (status == CLI_OK && s->o->server.connect != NULL) {
        status = remote_open(eval_name, &s->o->server, server, &s->connection);
    }
    if (status == CLI_OK && s->connection != NULL) {
        status = check_server(s);
    }
    if (status != CLI_OK) {
        return status;
    }
    take_facts(s);
    return take_images(s);
}

void eval_setting_close(eval_setting *s)
{
    bh_tls_client_free(s->connection);
    bh_pool_free(s->pool);
    bh_dataset_clear(&s->data);
    bh_images_clear(&s->images);
    bh_images_clear(&s->ood);
    bh_model_free(s->model);
}

const char *eval_class_own_name(const eval_setting *s, uint32_t index)
{
    return s->model != NULL
               ? s->model->graph.class_names[index]
               : bh_client_class_name(bh_tls_client_engine(s->connection), index);
}

void eval_class_name(const eval_setting *s, uint32_t index, char *text, size_t size)
{
    const char *name = eval_class_own_name(s, index);
    if (name[0] != '\0') {
        snprintf(text, size, "%s", name);
    } else {
        snprintf(text, size, "%u", index);
    }
}
