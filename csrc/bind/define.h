// Registration of a function whose arguments all pass through arguments.h: pybind11 sees handles, so it never refuses a
// call with a message of its own about overloads.
#pragma once
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bind/arguments.h"

namespace lamina {

// An argument on its way to a parameter of type T.
template <class T>
struct Argument {
  py::handle object;
};

}  // namespace lamina

namespace pybind11::detail {

template <class T>
constexpr auto shown_as() {  // in the signature
  if constexpr (std::is_same_v<T, pybind11::tuple>)
    return const_name("collections.abc.Sequence[typing.Any]");
  else
    return make_caster<T>::name;
}

template <class T>
struct type_caster<lamina::Argument<T>> {
  static constexpr auto name = shown_as<T>();
  template <class>
  using cast_op_type = lamina::Argument<T>;
  bool load(handle h, bool) {
    argument_.object = h;
    return true;
  }
  operator lamina::Argument<T>() { return argument_; }

 private:
  lamina::Argument<T> argument_;
};

}  // namespace pybind11::detail

namespace lamina {

template <class P>
using Incoming = std::conditional_t<std::is_same_v<P, py::handle>, py::handle, Argument<std::remove_cvref_t<P>>>;

inline py::handle received(py::handle h, const std::string&, const char*) { return h; }
template <class T>
decltype(auto) received(Argument<T> a, const std::string& op, const char* name) {
  return convert<T>(a.object, op.c_str(), name);
}

// The names of a function's parameters, and the defaults of the last ones.
template <class... D>
struct Parameters {
  std::vector<std::string> names;
  std::tuple<D...> defaults;
};

template <class... D>
Parameters<D...> with_defaults(const std::string& names, D... defaults) {  // "x, axis, keepdims"
  Parameters<D...> p{{}, {defaults...}};
  for (std::size_t from = 0; from < names.size();) {
    const std::size_t end = std::min(names.find(", ", from), names.size());
    p.names.push_back(names.substr(from, end - from));
    from = end + 2;
  }
  return p;
}

// f with its arguments converted; the messages call it `op`. A method's object has no name among the parameters'.
template <class R, class... P>
auto checked(R (*f)(P...), std::string op, std::vector<std::string> names) {
  while (names.size() < sizeof...(P)) names.insert(names.begin(), "self");
  return [f, op = std::move(op), names = std::move(names)](Incoming<P>... arguments) -> R {
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> R {
      return f(received(arguments, op, names[I].c_str())...);
    }(std::index_sequence_for<P...>{});
  };
}

// Calls take(arguments ...) with what pybind11 knows the parameters by, N of them.
template <std::size_t N, class... D, class F>
void pass_arguments(const Parameters<D...>& p, F&& take) {
  constexpr std::size_t free = N - sizeof...(D);
  if (p.names.size() != N) throw std::logic_error("parameters and their names differ in number");
  [&]<std::size_t... I, std::size_t... J>(std::index_sequence<I...>, std::index_sequence<J...>) {
    take(py::arg(p.names[I].c_str())..., (py::arg(p.names[free + J].c_str()) = std::get<J>(p.defaults))...);
  }(std::make_index_sequence<free>{}, std::index_sequence_for<D...>{});
}

// "dense_forward" is dense to its user.
inline std::string short_name(const std::string& function) {
  for (const char* end : {"_forward", "_backward"})
    if (function.ends_with(end)) return function.substr(0, function.size() - std::strlen(end));
  return function;
}

// A function of the module.
template <class R, class... P, class... D>
void define(py::module_& m, const char* name, R (*f)(P...), const Parameters<D...>& parameters, const char* doc) {
  pass_arguments<sizeof...(P)>(parameters, [&](const auto&... arguments) {
    m.def(name, checked(f, short_name(name), parameters.names), arguments..., doc);
  });
}
template <class R, class... P>
void define(py::module_& m, const char* name, R (*f)(P...), const char* parameters, const char* doc) {
  define(m, name, f, with_defaults(parameters), doc);
}

template <class T>
std::string name_in(const py::class_<T>& c, const char* member) {
  return concat(std::string(py::str(c.attr("__name__"))), ".", member);
}

// A class's constructor, which f makes an object for; a method, whose first parameter is the object; a property.
template <class T, class R, class... P, class... D>
void define_constructor(py::class_<T>& c, R (*f)(P...), const Parameters<D...>& parameters) {
  pass_arguments<sizeof...(P)>(parameters, [&](const auto&... arguments) {
    c.def(py::init(checked(f, std::string(py::str(c.attr("__name__"))), parameters.names)), arguments...);
  });
}

template <class T, class R, class... P>
void define(py::class_<T>& c, const char* name, R (*f)(P...), const char* parameters, const char* doc = "") {
  const auto p = with_defaults(parameters);
  pass_arguments<sizeof...(P) - 1>(p, [&](const auto&... arguments) {
    // "self" is an argument like the others: of a method, pybind11 itself would refuse None in its place.
    const py::cpp_function method(checked(f, name_in(c, name), p.names), py::name(name), py::scope(c), py::arg("self"),
                                  arguments..., doc);
    c.attr(name) = py::reinterpret_steal<py::object>(PyInstanceMethod_New(method.ptr()));
  });
}

template <class T, class R, class... P>
void define_property(py::class_<T>& c, const char* name, R (*f)(P...), const char* doc) {
  c.def_property_readonly(name, checked(f, name_in(c, name), {}), doc);
}

}  // namespace lamina
