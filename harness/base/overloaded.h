// One callable out of several lambdas, for std::visit.
#pragma once

namespace hylo {

template <class... Callables>
struct overloaded : Callables... {
  using Callables::operator()...;
};
template <class... Callables>
overloaded(Callables...) -> overloaded<Callables...>;

}  // namespace hylo
