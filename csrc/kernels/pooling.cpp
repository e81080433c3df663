#include "kernels/pooling.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_pooling(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
