#include "core/cpu.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "core/check.h"
#ifdef __linux__
#include <sched.h>
#endif
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif
#ifdef _WIN32
#include <cpuid.h>
#else
#include <unistd.h>
#endif

namespace lamina {
namespace {

std::string read_line(const std::string& path) {
  std::ifstream f(path);
  std::string line;
  std::getline(f, line);
  return line;
}

// Floor of quota/period in cgroup v2's cpu.max ("max 100000" or "150000 100000"), at least 1; 0 without a limit.
int quota_v2(const std::string& dir) {
  std::istringstream s(read_line(dir + "/cpu.max"));
  std::string quota;
  double period = 0;
  if (!(s >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::floor(std::strtod(quota.c_str(), nullptr) / period)));
}

int quota_v1(const std::string& dir) {
  const double quota = std::strtod(read_line(dir + "/cpu.cfs_quota_us").c_str(), nullptr);
  const double period = std::strtod(read_line(dir + "/cpu.cfs_period_us").c_str(), nullptr);
  if (quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::floor(quota / period)));
}

#ifdef _WIN32
// What __builtin_cpu_supports asks a library for that clang does not link there.
struct CpuId {
  unsigned a = 0, b = 0, c = 0, d = 0;
  CpuId(unsigned leaf, unsigned part) { __get_cpuid_count(leaf, part, &a, &b, &c, &d); }
};
bool saves_registers(unsigned kinds) {  // whether the system keeps them
  if (!(CpuId(1, 0).c >> 27 & 1)) return false;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kinds) == kinds;
}
bool has_v3() {
  const CpuId one(1, 0), seven(7, 0);
  constexpr unsigned bmi = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8;
  return (one.c >> 12 & 1) && (seven.b & (bmi | avx2 | bmi2)) == (bmi | avx2 | bmi2) && saves_registers(0x6);
}
bool has_v4() {
  constexpr unsigned f = 1u << 16, dq = 1u << 17, cd = 1u << 28, bw = 1u << 30, vl = 1u << 31,
                     all = f | dq | cd | bw | vl;
  return has_v3() && (CpuId(7, 0).b & all) == all && saves_registers(0xe6);
}
#elif defined(__x86_64__)
bool has_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}
bool has_v4() {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

// A cache's size as the system tells it, 0 if it does not.
dim_t cache_size([[maybe_unused]] int level) {
#if defined(__APPLE__)
  const char* names[] = {"hw.perflevel0.l1dcachesize", "hw.perflevel0.l2cachesize", "hw.l3cachesize"};
  std::int64_t bytes = 0;
  std::size_t size = sizeof bytes;
  return sysctlbyname(names[level - 1], &bytes, &size, nullptr, 0) == 0 ? bytes : 0;
#else
  constexpr const char* index[] = {"index0", "index2", "index3"};
  std::istringstream text(read_line(std::string("/sys/devices/system/cpu/cpu0/cache/") + index[level - 1] + "/size"));
  dim_t kib = 0;
  if (text >> kib && kib > 0) return kib << 10;  // "32768K"
#ifdef _SC_LEVEL1_DCACHE_SIZE
  // Its number for L3 is the whole package's on AMD, so it is not asked.
  if (level < 3) return std::max(0L, sysconf(level == 1 ? _SC_LEVEL1_DCACHE_SIZE : _SC_LEVEL2_CACHE_SIZE));
#endif
  return 0;
#endif
}

int tighter(int a, int b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

}  // namespace

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::v2: return "v2";
    case Isa::v3: return "v3";
    case Isa::v4: return "v4";
    case Isa::neon: return "neon";
  }
  return "?";
}

bool host_has(Isa isa) {
#if defined(__x86_64__)
#ifndef _WIN32
  __builtin_cpu_init();
#endif
  switch (isa) {
    case Isa::v2: return true;
    case Isa::v3: return has_v3();
    case Isa::v4: return has_v4();
    case Isa::neon: return false;
  }
  return false;
#else
  return isa == Isa::neon;
#endif
}

Isa best_isa() {
  for (Isa isa : {Isa::v4, Isa::v3, Isa::neon})
    if (host_has(isa)) return isa;
  return Isa::v2;
}

const Caches& caches() {
  static const Caches c = [] {
    auto size = [](int level, dim_t otherwise) {
      const dim_t n = cache_size(level);
      return n > 0 ? n : otherwise;
    };
    return Caches{size(1, 32 << 10), size(2, 1 << 20), size(3, 16 << 20)};
  }();
  return c;
}

bool past_caches(dim_t bytes) { return 2 * bytes > caches().l3; }

int cgroup_quota(const std::string& root) {
  int quota = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  // Lines are "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1). A limit may stand on any folder above the own one.
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = concat(",", line.substr(first + 1, second - first - 1), ",");
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string base = root + (v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu");
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      if (path == "/") path.clear();
      quota = tighter(quota, v2 ? quota_v2(base + path) : quota_v1(base + path));
      if (path.empty() || path.rfind('/') == std::string::npos) break;
    }
  }
  return quota;
}

int physical_cores(const std::string& root) {
  std::set<std::pair<std::string, std::string>> cores;  // (package, core)
  for (int i = 0;; i++) {
    const std::string topology = root + "/sys/devices/system/cpu/cpu" + std::to_string(i) + "/topology/";
    const std::string core = read_line(topology + "core_id");
    if (core.empty()) break;
    cores.insert({read_line(topology + "physical_package_id"), core});
  }
  return static_cast<int>(cores.size());
}

int affinity_count() {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return 0;
}

int default_threads() {
  if (const char* s = std::getenv("OMP_NUM_THREADS")) {
    const int n = std::atoi(s);  // "4,2": the first level is ours
    if (n > 0) return n;
  }
  int n = tighter(tighter(affinity_count(), cgroup_quota("")), physical_cores(""));
  if (n == 0) n = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return n;
}

}  // namespace lamina
