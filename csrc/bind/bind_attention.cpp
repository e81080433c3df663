#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/attention.h"

namespace lamina {
namespace {

constexpr const char* kOp = "attention";

Causal parse_causal(const std::string& name) {
  if (name == "none") return Causal::none;
  if (name == "top_left") return Causal::top_left;
  if (name == "bottom_right") return Causal::bottom_right;
  throw py::value_error(concat("attention: causal is '", name, "'; expected none, top_left or bottom_right"));
}

// The arguments that all functions share, checked.
struct Arguments {
  View q, k, v;
  std::optional<View> mask, bias, lengths, slopes;
  Causal causal;
  double scale, dropout, soft_cap;
  dim_t B = 0, Tq = 0, Tk = 0, H = 0, Hkv = 0, D = 0, Dv = 0;

  double flops() const {
    const double seen = causal == Causal::none ? double(Tk) : 0.5 * double(Tk + 1);  // keys of a query
    return 2.0 * double(B) * double(H) * double(Tq) * seen * double(D + Dv) + 8.0 * double(q.size() + k.size());
  }
};

View rows_like(Call& call, py::handle h, const char* name, const View& query) {
  const View v = call.rows_of_any(h, name);
  for (const auto& [view, which] : {std::pair(&query, "query"), std::pair(&v, name)})
    check(view->ndim() == 4, "attention: ", which, " must be (batch, time, heads, head size), got shape ",
          view->sizes());
  if (v.dtype() != query.dtype())
    throw py::type_error(concat("attention: query is ", dtype_name(query.dtype()), ", ", name, " is ",
                                dtype_name(v.dtype()), "; they must have one dtype"));
  return v;
}

Arguments parse(Call& call, py::handle q_, py::handle k_, py::handle v_, py::handle mask_, py::handle bias_,
                py::handle lengths_, const std::string& causal, double scale, double dropout, py::handle slopes_,
                double soft_cap) {
  const View q = call.first_rows(q_, "query"), k = rows_like(call, k_, "key", q), v = rows_like(call, v_, "value", q);
  Arguments a{.q = q,
              .k = k,
              .v = v,
              .mask = call.optional_of_any(mask_, "mask"),
              .bias = call.optional_of_any(bias_, "bias"),
              .lengths = call.optional_lengths(lengths_, q.dim(0)),
              .slopes = call.optional(slopes_, "alibi_slopes", {q.dim(2)}),
              .causal = parse_causal(causal),
              .scale = scale,
              .dropout = dropout,
              .soft_cap = soft_cap};
  a.B = a.q.dim(0), a.Tq = a.q.dim(1), a.H = a.q.dim(2), a.D = a.q.dim(3);
  a.Tk = a.k.dim(1), a.Hkv = a.k.dim(2), a.Dv = a.v.dim(3);
  check(a.k.dim(0) == a.B && a.v.dim(0) == a.B, "attention: the batch sizes differ: query is ", a.q.sizes(), ", key ",
        a.k.sizes(), ", value ", a.v.sizes());
  check(a.k.dim(3) == a.D, "attention: query has head size ", a.D, ", key ", a.k.dim(3), "; they must be equal");
  check(a.D > 0 && a.Dv > 0, "attention: the head size is 0");
  check(a.v.dim(1) == a.Tk && a.v.dim(2) == a.Hkv, "attention: key is ", a.k.sizes(), ", value ", a.v.sizes(),
        "; they must have the same times and heads");
  check(a.Hkv == a.H || (a.Hkv > 0 && a.H % a.Hkv == 0), "attention: query has ", a.H, " heads, key and value have ",
        a.Hkv, "; the first must be a multiple of the second");
  check(dropout >= 0 && dropout < 1, "attention: dropout is ", dropout, ", expected 0 <= dropout < 1");
  check(soft_cap >= 0 && soft_cap < std::numeric_limits<double>::infinity(), "attention: soft_cap is ", soft_cap,
        ", expected a positive number, or 0 for none");
  if (a.mask && a.mask->dtype() != Dtype::boolean)
    throw py::type_error(concat("attention: mask is ", dtype_name(a.mask->dtype()),
                                ", expected bool (True = the key counts); give numbers to add to the scores as bias="));
  if (a.bias && a.bias->dtype() != a.q.dtype())
    throw py::type_error(concat("attention: bias is ", dtype_name(a.bias->dtype()), ", expected ",
                                dtype_name(a.q.dtype()), " as query"));
  return a;
}

// How an array that broadcasts to (B, H, Tq, Tk) is read: its sizes with ones in front, and its steps.
struct Broadcast {
  dim_t size[4] = {1, 1, 1, 1}, step[4] = {0, 0, 0, 0};
};
Broadcast broadcast(const Arguments& a, const std::optional<View>& v, const char* name) {
  Broadcast r;
  if (!v) return r;
  const dim_t full[4] = {a.B, a.H, a.Tq, a.Tk};
  bool fits = v->ndim() <= 4;
  for (int i = 4 - v->ndim(); fits && i < 4; i++) {
    const dim_t n = v->dim(i - 4 + v->ndim());
    fits = n == 1 || n == full[i];
    r.size[i] = n;
  }
  check(fits, "attention: ", name, " is ", v->sizes(),
        ", which does not broadcast to (batch, heads, queries, keys) = (", a.B, ", ", a.H, ", ", a.Tq, ", ", a.Tk, ")");
  dim_t step = 1;
  for (int i = 3; i >= 0; i--) {
    if (r.size[i] != 1) r.step[i] = step;
    step *= r.size[i];
  }
  return r;
}

template <class T>
HeadArray<const T> heads(const View& v) {
  return {.p = v.as<const T>(), .batch = v.stride(0), .time = v.stride(1), .head = v.stride(2)};
}

template <class T>
AttentionInputs<T> inputs(const Arguments& a) {
  AttentionInputs<T> in{};
  in.q = heads<T>(a.q), in.k = heads<T>(a.k), in.v = heads<T>(a.v);
  in.B = a.B, in.Tq = a.Tq, in.Tk = a.Tk, in.H = a.H, in.Hkv = a.Hkv, in.D = a.D, in.Dv = a.Dv;
  const Broadcast mask = broadcast(a, a.mask, "mask"), bias = broadcast(a, a.bias, "bias");
  in.mask = a.mask ? a.mask->as<const bool>() : nullptr;
  in.bias = a.bias ? a.bias->as<const T>() : nullptr;
  std::copy_n(mask.step, 4, in.mask_step);
  std::copy_n(bias.step, 4, in.bias_step);
  in.lengths = a.lengths ? a.lengths->data() : nullptr;
  in.wide_lengths = a.lengths && a.lengths->dtype() == Dtype::i64;
  in.causal = a.causal;
  in.scale = T(a.scale);
  in.dropout = a.dropout;
  in.slopes = data_or_null<const T>(a.slopes);
  in.soft_cap = T(a.soft_cap);
  return in;
}

py::tuple attention_forward_py(py::handle query, py::handle key, py::handle value, py::handle mask, py::handle bias,
                               py::handle lengths, const std::string& causal, double scale, double dropout,
                               py::handle slopes, double soft_cap, py::handle state_, py::handle first_,
                               dim_t per_sample) {
  Call call(kOp);
  const Arguments p = parse(call, query, key, value, mask, bias, lengths, causal, scale, dropout, slopes, soft_cap);
  const Result out = call.result({p.B, p.Tq, p.H, p.Dv}), lse = call.result({p.B, p.H, p.Tq});
  std::optional<View> state, first;
  std::optional<Result> used;
  if (dropout > 0) {
    state = call.destination(state_, "state", {2}, Dtype::u64);
    first = call.optional(first_, "first", {1}, Dtype::u64);
    check(per_sample >= 0, "attention: per_sample must not be negative, got ", per_sample);
    used = call.result({3}, Dtype::u64);
  }
  with_float(call.dtype(), kOp, [&]<class T>(T) {
    const AttentionForward<T> a{.in = inputs<T>(p),
                                .out = out.as<T>(),
                                .lse = lse.as<T>(),
                                .state = data_or_null<std::uint64_t>(state),
                                .used = used ? used->as<std::uint64_t>() : nullptr,
                                .first = data_or_null<const std::uint64_t>(first),
                                .per_sample = per_sample};
    run<attention_forward<T>>("attention_forward", p.flops(), a);
  });
  return py::make_tuple(out.array, lse.array, used ? py::object(used->array) : py::none());
}

void attention_backward_py(py::handle query, py::handle key, py::handle value, py::handle mask, py::handle bias,
                           py::handle lengths, py::handle out_, py::handle lse_, py::handle used_, py::handle dout_,
                           const std::string& causal, double scale, double dropout, py::handle slopes, double soft_cap,
                           py::handle dq_, py::handle dk_, py::handle dv_, py::handle dbias_, int accumulate) {
  Call call(kOp, accumulate);
  const Arguments p = parse(call, query, key, value, mask, bias, lengths, causal, scale, dropout, slopes, soft_cap);
  const View out = call.input(out_, "out", {p.B, p.Tq, p.H, p.Dv}),
             lse = call.input(lse_, "logsumexp", {p.B, p.H, p.Tq}), dout = call.input(dout_, "dout", out.sizes());
  const auto used = call.optional(used_, "used", {3}, Dtype::u64);
  check(used.has_value() == (dropout > 0), "attention: used goes with dropout, and only with it");
  const auto dq = call.gradient(dq_, "dq", p.q.sizes(), 0), dk = call.gradient(dk_, "dk", p.k.sizes(), 1),
             dv = call.gradient(dv_, "dv", p.v.sizes(), 2);
  check(dbias_.is_none() || p.bias, "attention: dbias without bias");
  const auto dbias = p.bias ? call.gradient(dbias_, "dbias", p.bias->sizes(), 3) : GradientArray{};
  with_float(call.dtype(), kOp, [&]<class T>(T) {
    AttentionBackward<T> a{.in = inputs<T>(p),
                           .out = out.as<T>(),
                           .lse = lse.as<T>(),
                           .dout = dout.as<T>(),
                           .used = data_or_null<std::uint64_t>(used),
                           .dq = dq.as<T>(),
                           .dk = dk.as<T>(),
                           .dv = dv.as<T>(),
                           .dbias = dbias.as<T>(),
                           .bias_size = {}};
    std::copy_n(broadcast(p, p.bias, "bias").size, 4, a.bias_size);
    run<attention_backward<T>>("attention_backward", 2.5 * p.flops(), a);
  });
}

py::array attention_weights_forward_py(py::handle query, py::handle key, py::handle mask, py::handle bias,
                                       py::handle lengths, py::handle lse_, const std::string& causal, double scale,
                                       py::handle slopes, double soft_cap) {
  Call call(kOp);
  const Arguments p = parse(call, query, key, key, mask, bias, lengths, causal, scale, 0, slopes, soft_cap);
  const View lse = call.input(lse_, "logsumexp", {p.B, p.H, p.Tq});
  const Result weights = call.result({p.B, p.H, p.Tq, p.Tk});
  with_float(call.dtype(), kOp, [&]<class T>(T) {
    const AttentionWeights<T> a{.in = inputs<T>(p), .lse = lse.as<T>(), .weights = weights.as<T>()};
    run<attention_weights_forward<T>>("attention_weights_forward", p.flops(), a);
  });
  return weights;
}

void attention_weights_backward_py(py::handle query, py::handle key, py::handle weights_, py::handle dweights_,
                                   double scale, double soft_cap, py::handle dq_, py::handle dk_, int accumulate) {
  Call call(kOp, accumulate);
  const Arguments p =
      parse(call, query, key, key, py::none(), py::none(), py::none(), "none", scale, 0, py::none(), soft_cap);
  const View weights = call.input(weights_, "weights", {p.B, p.H, p.Tq, p.Tk}),
             dweights = call.input(dweights_, "dweights", weights.sizes());
  const auto dq = call.gradient(dq_, "dq", p.q.sizes(), 0), dk = call.gradient(dk_, "dk", p.k.sizes(), 1);
  with_float(call.dtype(), kOp, [&]<class T>(T) {
    const AttentionWeightsBackward<T> a{
        .in = inputs<T>(p),
        .weights = weights.as<T>(),
        .dweights = dweights.as<T>(),
        .dq = dq.as<T>(),
        .dk = dk.as<T>(),
    };
    run<attention_weights_backward<T>>("attention_weights_backward", p.flops(), a);
  });
}

}  // namespace

void bind_attention(py::module_& m) {
  define(m, "attention_forward", attention_forward_py,
         "query, key, value, mask, bias, lengths, causal, scale, dropout, slopes, soft_cap, state, first, per_sample",
         "softmax(scale query key^T + bias) value on (batch, time, heads, head size): (out, logsumexp, used random "
         "state). mask (True: counts) and bias broadcast to (batch, heads, queries, keys), lengths (batch,) counts "
         "keys; causal is none, top_left or bottom_right; slopes (heads,) of ALiBi; soft_cap (0: none) of the scores; "
         "with dropout query begins with sample first[0] of a larger batch, per_sample of its rows each.");
  define(m, "attention_backward", attention_backward_py,
         with_defaults("query, key, value, mask, bias, lengths, out, logsumexp, used, dout, causal, scale, dropout, "
                       "slopes, soft_cap, dq, dk, dv, dbias, accumulate",
                       0),
         "Gradients of attention_forward, its weights computed again.");
  define(m, "attention_weights_forward", attention_weights_forward_py,
         "query, key, mask, bias, lengths, logsumexp, causal, scale, slopes, soft_cap",
         "The weights of attention_forward before dropout, (batch, heads, queries, keys).");
  define(m, "attention_weights_backward", attention_weights_backward_py,
         with_defaults("query, key, weights, dweights, scale, soft_cap, dq, dk, accumulate", 0),
         "Gradients of attention_weights_forward for query and key.");
}

}  // namespace lamina
