#include "kernels/embedding.h"

#include "kernels/table.h"

namespace lamina {
namespace LAMINA_ISA {

void fill_embedding(Kernels<float>&, Kernels<double>&) {}

}  // namespace LAMINA_ISA
}  // namespace lamina
