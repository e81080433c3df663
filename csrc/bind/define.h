// Registration of a function whose arguments all pass through arguments.h: pybind11 sees handles, so it never refuses a
// call with a message of its own about overloads.
#pragma once
#include <array>
#include <utility>

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

// f with its arguments converted; the messages call it `op`. `names` are the parameters' names in order, among options
// of pybind11 that have none. A method's object is not named by them.
template <class R, class... P, class... Options>
auto checked(R (*f)(P...), std::string op, const Options&... options) {
  std::array<const char*, sizeof...(P)> names{};
  std::size_t named = 0;
  [[maybe_unused]] auto collect = [&](const auto& option) {
    if constexpr (std::is_base_of_v<py::arg, std::remove_cvref_t<decltype(option)>>) named++;
  };
  (collect(options), ...);
  std::size_t at = sizeof...(P) - named;
  for (std::size_t i = 0; i < at; i++) names[i] = "self";
  [[maybe_unused]] auto place = [&](const auto& option) {
    if constexpr (std::is_base_of_v<py::arg, std::remove_cvref_t<decltype(option)>>) names[at++] = option.name;
  };
  (place(options), ...);
  return [f, op = std::move(op), names](Incoming<P>... arguments) -> R {
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> R {
      return f(received(arguments, op, names[I])...);
    }(std::index_sequence_for<P...>{});
  };
}

// "dense_forward" is dense to its user.
inline std::string short_name(const std::string& function) {
  for (const char* end : {"_forward", "_backward"}) {
    const std::size_t at = function.rfind(end);
    if (at != std::string::npos && at + std::string(end).size() == function.size()) return function.substr(0, at);
  }
  return function;
}

template <class F, class... Options>
void define(py::module_& m, const char* name, F f, const Options&... options) {
  m.def(name, checked(+f, short_name(name), options...), options...);
}

template <class T, class F, class... Options>
void define(py::class_<T>& c, const char* name, F f, const Options&... options) {
  const std::string op = concat(std::string(py::str(c.attr("__name__"))), ".", name);
  // "self" is an argument like the others: of a method, pybind11 itself would refuse None in its place.
  const py::cpp_function method(checked(+f, op, options...), py::name(name), py::scope(c), py::arg("self"), options...);
  c.attr(name) = py::reinterpret_steal<py::object>(PyInstanceMethod_New(method.ptr()));
}

template <class T, class F>
void define_property(py::class_<T>& c, const char* name, F f, const char* doc) {
  c.def_property_readonly(name, checked(+f, concat(std::string(py::str(c.attr("__name__"))), ".", name)), doc);
}

}  // namespace lamina
