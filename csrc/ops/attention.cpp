#include "ops/attention.h"

#include <limits>

#include "core/check.h"
#include "core/parallel.h"
#include "ops/attention_block.h"
#include "ops/gemm.h"

namespace lamina {
namespace {

using namespace attention;

template <class T>
bool worth_threads(const AttentionInputs<T>& in) {
  return lamina::worth_threads(double(in.B * in.H) * double(in.Tq) * double(in.Tk) * double(in.D + in.Dv));
}

template <class T>
void check_lengths(const AttentionInputs<T>& in) {
  if (!in.lengths) return;
  for (dim_t b = 0; b < in.B; b++) {
    const dim_t n = Blocks<T>::length(in, b);
    check(n >= 0 && n <= in.Tk, "attention: lengths[", b, "] is ", n, ", expected 0 to ", in.Tk,
          ", the number of keys");
  }
}

dim_t blocks_of(dim_t n, dim_t size) { return (n + size - 1) / size; }

void zero_rows(auto* p, dim_t ld, dim_t rows, dim_t n) {
  for (dim_t i = 0; i < rows; i++) std::fill_n(p + i * ld, n, 0);
}

template <class T>
struct ForwardWorker {
  const AttentionForward<T>& a;
  const AttentionKernels<T>& kern = kernels<T>().attention;
  Blocks<T> block;
  Keys<T> keys;
  dim_t ld;  // of o: Dv in whole registers
  Scratch<T> o, statistics;

  ForwardWorker(const AttentionForward<T>& args, const std::uint64_t* random)
      : a(args),
        block(args.in, random),
        keys(args.in, args.in.Tk),
        ld(round_up(args.in.Dv, kernels<T>().gemm.lanes)),
        o(block.width() * ld),
        statistics(3 * block.width()) {}

  void run(dim_t b, dim_t h, dim_t q0) {
    block.take_queries(b, h, q0);
    if (!through_keys(b, h, q0, false) && hides_keys(a.in)) through_keys(b, h, q0, true);
  }

  // Whether the results are finite; with finite_values they take nothing from values that are hidden and not finite.
  bool through_keys(dim_t b, dim_t h, dim_t q0, bool finite_values) {
    const auto& in = a.in;
    T *m = statistics, *l = m + block.width(), *alpha = l + block.width();
    std::fill_n(m, block.width(), -std::numeric_limits<T>::infinity());
    std::fill_n(l, block.width(), T(0));
    const dim_t cols = block.cols();
    keys.take(b, h / (in.H / in.Hkv), 0, Blocks<T>::length(in, b), false, finite_values);
    for (dim_t k0 = 0; k0 < block.keys(); k0 += block.height()) {
      const dim_t nk = std::min(block.height(), block.keys() - k0);
      block.scores(k0, nk, keys.k(k0));
      kern.softmax(block.s(), cols, nk, cols, block.diagonal(), m, l, alpha);
      if (block.factor()) kern.multiply(nk * cols, block.s(), block.factor());
      if (k0) kern.rescale(o, ld, block.nq(), ld, alpha);
      const Rows<T> values = keys.v(k0);
      multiply(Product<T>{block.s(), 1, cols, values.p, values.ld, o, ld, block.nq(), nk,
                          static_cast<int>(ld / kernels<T>().gemm.lanes), k0 > 0},
               Part::depth_to, block.diagonal());
      if (keys.lacks_values()) add_lacking(b, h / (in.H / in.Hkv), k0, nk);
    }
    if (block.keys() == 0) zero_rows(o.get(), ld, block.nq(), ld);
    return kern.finish(o, ld, block.nq(), in.Dv, m, l, a.out + ((b * in.Tq + q0) * in.H + h) * in.Dv, in.H * in.Dv,
                       a.lse + (b * in.H + h) * in.Tq + q0);
  }

  // Adds the values that are not finite to the queries that see them.
  void add_lacking(dim_t b, dim_t head, dim_t k0, dim_t nk) {
    for (dim_t r = 0; r < nk; r++) {
      const T* v = a.in.v.at(b, k0 + r, head);
      if (kern.finite(1, a.in.Dv, v, a.in.Dv)) continue;
      for (dim_t i = 0; i < block.nq(); i++) {
        const T p = block.s()[r * block.cols() + i];
        for (dim_t j = 0; p != T(0) && j < a.in.Dv; j++) o[i * ld + j] += p * v[j];
      }
    }
  }
};

// Whether the gradient of the bias comes out of the sweep over the heads: where each head has a bias of its own. Then
// dS is made first and scaled for dq and dk afterwards, also where the passes are apart: the bits are the same.
template <class T>
bool sweeps_bias(const AttentionBackward<T>& a) {
  return a.dbias.wanted() && a.in.B > 0 && a.bias_size[1] == a.in.H &&
         (a.dq.wanted() || a.dk.wanted() || a.dv.wanted());
}

// One thread's backward. For each block of scores: P = exp(S - lse), dP = dO . V^T, dS = P * (dP - delta); then
// dV += P^T . dO, dK += dS^T . Q, dQ += dS . K. Each sum runs in the order of the blocks, however threads divide them.
template <class T>
struct BackwardWorker {
  const AttentionBackward<T>& a;
  const AttentionInputs<T>& in = a.in;
  const AttentionKernels<T>& kern = kernels<T>().attention;
  const GemmKernels<T>& gemm = kernels<T>().gemm;
  const bool looks;   // for keys and values that are not finite
  const bool scales;  // dS for dq and dk once it is made
  Blocks<T> block;
  Keys<T> keys;
  dim_t b = 0, h = 0, q0 = 0;
  dim_t ld, ldv;  // D and Dv in whole registers
  Scratch<T> dout_t, dp, packed_q, packed_dout, statistics, dq, cap_slope;
  Rows<T> q_rows{}, dout_rows{};

  BackwardWorker(const AttentionBackward<T>& args, dim_t most_keys, bool look)
      : a(args),
        looks(look),
        scales(sweeps_bias(args)),
        block(args.in, args.used),
        keys(args.in, most_keys),
        ld(round_up(in.D, gemm.lanes)),
        ldv(round_up(in.Dv, gemm.lanes)),
        dout_t(in.Dv * block.width()),
        dp(block.height() * block.width()),
        packed_q(block.width() * ld),
        packed_dout(block.width() * ldv),
        statistics(2 * block.width()),
        dq(block.width() * ld),
        cap_slope(in.soft_cap > 0 ? block.height() * block.width() : 0) {}

  dim_t group() const { return in.H / in.Hkv; }
  int vectors(dim_t n) const { return static_cast<int>(n / gemm.lanes); }

  void take_queries(dim_t b_, dim_t h_, dim_t q0_) {
    b = b_, h = h_, q0 = q0_;
    block.take_queries(b, h, q0);
    if (block.keys() == 0) return;
    const dim_t at = ((b * in.Tq + q0) * in.H + h) * in.Dv, row = in.H * in.Dv, cols = block.cols();
    kern.row_dots(block.nq(), in.Dv, a.dout + at, row, a.out + at, row, statistics + block.width());
    kern.prepare(block.nq(), cols, a.lse + (b * in.H + h) * in.Tq + q0, statistics);
    q_rows = whole_registers(in.q.at(b, q0, h), in.q.time, block.nq(), in.D, packed_q.get());
    dout_rows = whole_registers(a.dout + at, row, block.nq(), in.Dv, packed_dout.get());
    if (hides_keys(in)) leave_out_queries(a.dout + at, row);
    gemm.pack(dout_rows.p, 1, dout_rows.ld, in.Dv, block.nq(), dout_t, cols);
  }

  // Makes zeros of queries that give no gradient, if something of the block is not finite: those that see no key, and
  // those without a gradient of their result.
  void leave_out_queries(const T* dout, dim_t row) {
    if (block.finite() && kern.finite(1, block.nq(), statistics + block.width(), block.nq())) return;
    gemm.pack(in.q.at(b, q0, h), in.q.time, 1, block.nq(), in.D, packed_q, ld);
    gemm.pack(dout, row, 1, block.nq(), in.Dv, packed_dout, ldv);
    q_rows = {packed_q, ld}, dout_rows = {packed_dout, ldv};
    for (dim_t i = 0; i < block.nq(); i++) {
      const T* own = dout + i * row;
      const bool sees_none = statistics[i] == std::numeric_limits<T>::infinity();
      if (!sees_none && !std::all_of(own, own + in.Dv, [](T d) { return d == T(0); })) continue;
      statistics[i] = std::numeric_limits<T>::infinity();
      statistics[block.width() + i] = 0;
      std::fill_n(packed_q + i * ld, ld, T(0));
      std::fill_n(packed_dout + i * ldv, ldv, T(0));
      block.clear_query(i);
    }
  }

  // P^T in block.s(), dS^T times `scale` in dp, S with the bias.
  void take_scores(dim_t k0, dim_t nk, T scale) {
    const dim_t cols = block.cols();
    block.scores(k0, nk, keys.k(k0), cap_slope);
    const Rows<T> v = keys.v(k0);
    multiply(Product<T>{v.p, v.ld, 1, dout_t, cols, dp, cols, nk, in.Dv, block.vectors(), false}, Part::columns,
             block.diagonal());
    kern.gradient(block.s(), dp, cols, nk, cols, block.diagonal(), statistics, statistics + block.width(), scale,
                  block.factor());
  }
  // From there to the gradient of the products of queries and keys.
  void leave_scores(dim_t nk) {
    if (scales) kern.scale(nk * block.cols(), dp, in.scale, dp);
    if (in.soft_cap > 0) kern.multiply(nk * block.cols(), dp, cap_slope);
  }
  void take_keys(dim_t k0, dim_t nk) {
    take_scores(k0, nk, scales ? T(1) : in.scale);
    leave_scores(nk);
  }

  void add_dq(dim_t k0, dim_t nk) {
    const Rows<T> k = keys.k(k0);
    multiply(Product<T>{dp, 1, block.cols(), k.p, k.ld, dq, ld, block.nq(), nk, vectors(ld), k0 > 0}, Part::depth_to,
             block.diagonal());
  }
  void deliver_dq() {
    if (block.keys() == 0) zero_rows(dq.get(), ld, block.nq(), ld);
    kern.deliver(dq, ld, block.nq(), in.D, a.dq + ((b * in.Tq + q0) * in.H + h) * in.D, in.H * in.D, a.dq.adds());
  }

  // Adds to dk and dv of the block's keys.
  void add_dkv(dim_t nk, T* dk, T* dv) {
    const dim_t cols = block.cols(), nq = block.nq();
    if (dk)
      multiply(Product<T>{dp, cols, 1, q_rows.p, q_rows.ld, dk, ld, nk, nq, vectors(ld), true}, Part::depth_from,
               block.diagonal());
    if (dv)
      multiply(Product<T>{block.s(), cols, 1, dout_rows.p, dout_rows.ld, dv, ldv, nk, nq, vectors(ldv), true},
               Part::depth_from, block.diagonal());
  }
  void deliver_dkv(dim_t b_, dim_t head, dim_t k0, dim_t rows, const T* dk, const T* dv) {
    const dim_t at = (b_ * in.Tk + k0) * in.Hkv + head;
    if (dk) kern.deliver(dk, ld, rows, in.D, a.dk + at * in.D, in.Hkv * in.D, a.dk.adds());
    if (dv) kern.deliver(dv, ldv, rows, in.Dv, a.dv + at * in.Dv, in.Hkv * in.Dv, a.dv.adds());
  }

  // dq, dk, dv of the queries of one key head against keys [from, to). dk, dv are scratch of those rows, and so is
  // bias_rows, with which dbias is added to.
  void run(dim_t b_, dim_t head, dim_t from, dim_t to, T* dk, T* dv, bool with_dq, T* bias_rows = nullptr) {
    if (dk) std::fill_n(dk, (to - from) * ld, T(0));
    if (dv) std::fill_n(dv, (to - from) * ldv, T(0));
    keys.take(b_, head, from, std::max(from, std::min(to, Blocks<T>::length(in, b_))), looks, looks);
    for (dim_t h_ = head * group(); h_ < (head + 1) * group(); h_++)
      for (dim_t q = 0; q < in.Tq; q += kQueries) {
        take_queries(b_, h_, q);
        for (dim_t k0 = from; k0 < std::min(to, block.keys()); k0 += block.height()) {
          const dim_t nk = std::min(block.height(), block.keys() - k0);
          if (bias_rows) {
            take_scores(k0, nk, T(1));
            add_dbias(k0, nk, a.dbias + b_ * in.bias_step[0] + h_ * in.bias_step[1] + q * in.bias_step[2], bias_rows);
            leave_scores(nk);
          } else {
            take_keys(k0, nk);
          }
          add_dkv(nk, dk ? dk + (k0 - from) * ld : nullptr, dv ? dv + (k0 - from) * ldv : nullptr);
          if (with_dq) add_dq(k0, nk);
        }
        if (with_dq) deliver_dq();
      }
    deliver_dkv(b_, head, from, to - from, dk, dv);
  }

  // One block of queries against all keys, for dq alone.
  void run_dq(dim_t b_, dim_t h_, dim_t q) {
    take_queries(b_, h_, q);
    keys.take(b_, h_ / group(), 0, Blocks<T>::length(in, b_), looks, looks);
    for (dim_t k0 = 0; k0 < block.keys(); k0 += block.height()) {
      const dim_t nk = std::min(block.height(), block.keys() - k0);
      take_keys(k0, nk);
      add_dq(k0, nk);
    }
    deliver_dq();
  }

  // Adds dS of the block to dbias, whose element of the first query and of key 0 is *out.
  void add_dbias(dim_t k0, dim_t nk, T* out, T* rows) {
    gemm.pack(dp, 1, block.cols(), block.nq(), nk, rows, nk);
    for (dim_t i = 0; i < block.nq(); i++)
      for (dim_t j = 0; j < nk; j++) out[i * in.bias_step[2] + (k0 + j) * in.bias_step[3]] += rows[i * nk + j];
  }

  // One block of queries against all keys, for dbias alone.
  void run_dbias(dim_t b_, dim_t h_, dim_t q, T* out, T* rows) {
    take_queries(b_, h_, q);
    keys.take(b_, h_ / group(), 0, Blocks<T>::length(in, b_), looks, looks);
    for (dim_t k0 = 0; k0 < block.keys(); k0 += block.height()) {
      const dim_t nk = std::min(block.height(), block.keys() - k0);
      take_scores(k0, nk, T(1));
      add_dbias(k0, nk, out, rows);
    }
  }
};

// Heads of keys whose sweeps may run beside each other: batches that share a bias are added to its gradient in order.
template <class T>
dim_t separate_heads(const AttentionBackward<T>& a) {
  return sweeps_bias(a) && a.bias_size[0] < a.in.B ? a.in.Hkv : a.in.B * a.in.Hkv;
}

// dq, dk, dv, and dbias where it can be, in one sweep: 5 products a block of scores, one task a head of keys.
template <class T>
void backward_by_heads(const AttentionBackward<T>& a, bool dk, bool dv, bool look) {
  struct Worker {
    BackwardWorker<T> w;
    Scratch<T> dk, dv, rows;
  };
  const auto& in = a.in;
  const bool dbias = sweeps_bias(a);
  const dim_t tasks = separate_heads(a), batches = tasks ? in.B * in.Hkv / tasks : 0, group = in.H / in.Hkv,
              bias_of_group = group * a.bias_size[2] * a.bias_size[3];
  parallel_workers(
      tasks, worth_threads(in),
      [&] {
        const dim_t lanes = kernels<T>().gemm.lanes;
        return Worker{BackwardWorker<T>(a, in.Tk, look), Scratch<T>(dk ? in.Tk * round_up(in.D, lanes) : 0),
                      Scratch<T>(dv ? in.Tk * round_up(in.Dv, lanes) : 0), Scratch<T>(dbias ? kQueries * kKeys<T> : 0)};
      },
      [&](Worker& worker, dim_t i) {
        const dim_t b = i / in.Hkv, head = i % in.Hkv;
        if (dbias && !a.dbias.adds())
          std::fill_n(a.dbias + b * in.bias_step[0] + head * group * in.bias_step[1], bias_of_group, T(0));
        for (dim_t b1 = b; b1 < b + batches; b1++)
          worker.w.run(b1, head, 0, in.Tk, worker.dk, worker.dv, a.dq.wanted(), dbias ? worker.rows.get() : nullptr);
      });
}

// For fewer heads than threads, with the same bits: tasks are blocks of queries for dq, then blocks of keys for dk and
// dv. Scores and their gradients are computed twice: seven products a block in place of five.
template <class T>
void backward_by_blocks(const AttentionBackward<T>& a, bool dk, bool dv, bool look) {
  const auto& in = a.in;
  const dim_t nq = blocks_of(in.Tq, kQueries);
  if (a.dq.wanted())
    parallel_workers(
        in.B * in.H * nq, worth_threads(in), [&] { return BackwardWorker<T>(a, in.Tk, look); },
        [&](BackwardWorker<T>& w, dim_t i) { w.run_dq(i / nq / in.H, i / nq % in.H, (nq - 1 - i % nq) * kQueries); });
  if (!dk && !dv) return;
  struct Worker {
    BackwardWorker<T> w;
    Scratch<T> dk, dv;
  };
  const dim_t height = std::clamp<dim_t>(in.Tk, 1, kKeys<T>), nk = blocks_of(in.Tk, height);
  parallel_workers(
      in.B * in.Hkv * nk, worth_threads(in),
      [&] {
        const dim_t lanes = kernels<T>().gemm.lanes;
        return Worker{BackwardWorker<T>(a, height, look), Scratch<T>(dk ? height * round_up(in.D, lanes) : 0),
                      Scratch<T>(dv ? height * round_up(in.Dv, lanes) : 0)};
      },
      [&](Worker& worker, dim_t i) {
        const dim_t k0 = i % nk * height;
        worker.w.run(i / nk / in.Hkv, i / nk % in.Hkv, k0, std::min(in.Tk, k0 + height), worker.dk, worker.dv, false);
      });
}

// A task is a part of dbias. The batches and heads that share it are added to it one after the other.
template <class T>
void backward_bias(const AttentionBackward<T>& a, bool look) {
  const auto& in = a.in;
  const dim_t *size = a.bias_size, *step = in.bias_step;
  const dim_t nq = blocks_of(in.Tq, kQueries), parts = size[2] > 1 ? nq : 1;
  struct Worker {
    BackwardWorker<T> w;
    Scratch<T> rows;
  };
  parallel_workers(
      size[0] * size[1] * parts, worth_threads(in),
      [&] { return Worker{BackwardWorker<T>(a, in.Tk, look), Scratch<T>(kQueries * kKeys<T>)}; },
      [&](Worker& worker, dim_t i) {
        const dim_t b = i / parts / size[1], h = i / parts % size[1], q = i % parts;
        T* out = a.dbias + b * step[0] + h * step[1];
        if (!a.dbias.adds())
          std::fill_n(out + q * kQueries * step[2],
                      (size[2] > 1 ? std::min(kQueries, in.Tq - q * kQueries) : 1) * size[3], T(0));
        for (dim_t b1 = size[0] > 1 ? b : 0; b1 < (size[0] > 1 ? b + 1 : in.B); b1++)
          for (dim_t h1 = size[1] > 1 ? h : 0; h1 < (size[1] > 1 ? h + 1 : in.H); h1++)
            for (dim_t q1 = parts > 1 ? q : 0; q1 < (parts > 1 ? q + 1 : nq); q1++)
              worker.w.run_dbias(b1, h1, q1 * kQueries, out + q1 * kQueries * step[2], worker.rows);
      });
}

}  // namespace

template <class T>
void attention_forward(const AttentionForward<T>& a) {
  const auto& in = a.in;
  check_lengths(in);
  if (a.state) {
    a.used[0] = a.state[0];
    a.used[1] = a.state[1]++;
    a.used[2] = a.first ? *a.first * std::uint64_t(a.per_sample) : 0;
  }
  const dim_t nq = blocks_of(in.Tq, kQueries);
  // A task is a head, or a part of one where heads are few: its keys are packed once. The last queries come first:
  // under a causal mask they have the most keys.
  const dim_t heads = in.B * in.H,
              parts = std::clamp<dim_t>(8 * get_num_threads() / std::max<dim_t>(heads, 1), 1, std::max<dim_t>(nq, 1));
  parallel_workers(
      heads * parts, worth_threads(in), [&] { return ForwardWorker<T>(a, a.used); },
      [&](ForwardWorker<T>& w, dim_t i) {
        const dim_t head = i / parts, part = parts - 1 - i % parts;
        for (dim_t q = nq * (part + 1) / parts; q-- > nq * part / parts;) w.run(head / in.H, head % in.H, q * kQueries);
      });
}

template <class T>
void attention_backward(const AttentionBackward<T>& a) {
  const auto& in = a.in;
  check_lengths(in);
  const bool dk = a.dk.wanted(), dv = a.dv.wanted(), look = hides_keys(in) && !small_and_finite(in);
  bool bias_left = a.dbias.wanted();
  if (a.dq.wanted() || dk || dv) {
    const dim_t threads = worth_threads(in) ? get_num_threads() : 1, heads = separate_heads(a);
    const bool few = blocks_of(heads, threads) * threads * 5 > heads * 7;
    few ? backward_by_blocks(a, dk, dv, look) : backward_by_heads(a, dk, dv, look);
    bias_left = bias_left && (few || !sweeps_bias(a));
  }
  if (bias_left) backward_bias(a, look);
}

template <class T>
void attention_weights_forward(const AttentionWeights<T>& a) {
  const auto& in = a.in;
  check_lengths(in);
  struct Worker {
    Blocks<T> block;
    Scratch<T> lse, rows;
  };
  const dim_t nq = blocks_of(in.Tq, kQueries);
  parallel_workers(
      in.B * in.H * nq, worth_threads(in),
      [&] { return Worker{Blocks<T>(in, nullptr), Scratch<T>(kQueries), Scratch<T>(kQueries * kKeys<T>)}; },
      [&](Worker& w, dim_t task) {
        const dim_t q0 = task % nq * kQueries, head = task / nq;
        w.block.take_queries(head / in.H, head % in.H, q0);
        const dim_t cols = w.block.cols();
        T* out = a.weights + (head * in.Tq + q0) * in.Tk;
        kernels<T>().attention.prepare(w.block.nq(), cols, a.lse + head * in.Tq + q0, w.lse);
        for (dim_t i = 0; i < w.block.nq(); i++)
          std::fill(out + i * in.Tk + w.block.keys(), out + (i + 1) * in.Tk, T(0));
        for (dim_t k0 = 0; k0 < w.block.keys(); k0 += w.block.height()) {
          const dim_t nk = std::min(w.block.height(), w.block.keys() - k0);
          w.block.scores(k0, nk, Rows<T>{in.k.at(head / in.H, k0, head % in.H / (in.H / in.Hkv)), in.k.time});
          kernels<T>().attention.weights(w.block.s(), cols, nk, cols, w.block.diagonal(), w.lse);
          kernels<T>().gemm.pack(w.block.s(), 1, cols, w.block.nq(), nk, w.rows, nk);
          for (dim_t i = 0; i < w.block.nq(); i++) std::copy_n(w.rows + i * nk, nk, out + i * in.Tk + k0);
        }
      });
}

template <class T>
void attention_weights_backward(const AttentionWeightsBackward<T>& a) {
  const auto& in = a.in;
  struct Worker {
    Scratch<T> ds, keys, queries, s;
  };
  const dim_t width = round_up(in.D, kernels<T>().gemm.lanes);
  parallel_workers(
      in.B * in.Hkv, worth_threads(in),
      [&] {
        return Worker{Scratch<T>(in.Tq * in.Tk), Scratch<T>(in.Tk * width), Scratch<T>(in.Tq * width),
                      Scratch<T>(in.soft_cap > 0 ? in.Tq * in.Tk : 0)};
      },
      [&](Worker& worker, dim_t task) {
        const dim_t b = task / in.Hkv, head = task % in.Hkv, group = in.H / in.Hkv;
        T* ds = worker.ds;
        bool found;  // a weight of 0 takes nothing from a key or query that is not finite
        const Rows<T> k = finite_rows(in.k.at(b, 0, head), in.k.time, in.Tk, in.D, worker.keys.get(), found);
        for (dim_t h = head * group; h < (head + 1) * group; h++) {
          const Rows<T> q = finite_rows(in.q.at(b, 0, h), in.q.time, in.Tq, in.D, worker.queries.get(), found);
          const dim_t at = (b * in.H + h) * in.Tq * in.Tk;
          for (dim_t i = 0; i < in.Tq; i++)
            kernels<T>().attention.weights_gradient(in.Tk, a.weights + at + i * in.Tk, a.dweights + at + i * in.Tk,
                                                    in.scale, ds + i * in.Tk);
          if (in.soft_cap > 0) {
            gemm_serial(Gemm<T>{in.Tq, in.Tk, in.D, q.p, q.ld, 1, k.p, 1, k.ld, worker.s, in.Tk, nullptr,
                                Activation::linear, false});
            kernels<T>().attention.soft_cap_gradient(in.Tq * in.Tk, worker.s, in.scale / in.soft_cap, ds);
          }
          if (a.dq.wanted())
            gemm_serial(Gemm<T>{in.Tq, in.D, in.Tk, ds, in.Tk, 1, k.p, k.ld, 1, a.dq + (b * in.Tq * in.H + h) * in.D,
                                in.H * in.D, nullptr, Activation::linear, a.dq.adds()});
          if (a.dk.wanted())
            gemm_serial(Gemm<T>{in.Tk, in.D, in.Tq, ds, 1, in.Tk, q.p, q.ld, 1,
                                a.dk + (b * in.Tk * in.Hkv + head) * in.D, in.Hkv * in.D, nullptr, Activation::linear,
                                a.dk.adds() || h > head * group});
        }
      });
}

LAMINA_FOR_FLOATS(attention_forward, AttentionForward);
LAMINA_FOR_FLOATS(attention_backward, AttentionBackward);
LAMINA_FOR_FLOATS(attention_weights_forward, AttentionWeights);
LAMINA_FOR_FLOATS(attention_weights_backward, AttentionWeightsBackward);

}  // namespace lamina
