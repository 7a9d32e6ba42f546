import CKernels
import Foundation

/// The instruction set of the fused path's loops.
package enum InstructionSet: String, CaseIterable, Sendable {
    /// The instructions that every processor of the architecture has.
    case baseline
    /// AVX2 and FMA.
    case haswell
    /// AVX-512.
    case avx512

    /// The environment variable that forces one, for tests and measurements.
    package static let variable = "SWIFT_FISHER_INSTRUCTION_SET"

    /// Those that this processor and this build support, the fastest last.
    package static let supported = allCases.filter { ck_supports($0.code) }

    /// The set with a name, or the fastest if none is given; nil for a name that this machine does not
    /// support.
    package static func supported(named name: String?) -> InstructionSet? {
        guard let name, !name.isEmpty else { return supported.last ?? .baseline }
        return InstructionSet(rawValue: name).flatMap { supported.contains($0) ? $0 : nil }
    }

    /// The name in the environment variable, if it is set.
    package static var requestedName: String? { ProcessInfo.processInfo.environment[variable] }

    /// The one that the environment names, or the fastest that this processor has.
    package static let fastest = supported(named: requestedName) ?? .baseline

    /// The loops, for parameters of type bfloat16 or float32.
    package func loops(bfloat16: Bool) -> UnsafePointer<ck_table> {
        guard let table = ck_table_for(code, bfloat16) else {
            preconditionFailure("CKernels has no table for \(self)")
        }
        return table
    }

    /// The sums of outer products, of float64 or of float32 numbers.
    func outerLoops(float64: Bool) -> UnsafePointer<ck_outer_table> {
        guard let table = ck_outer_table_for(code, float64) else {
            preconditionFailure("CKernels has no sums for \(self)")
        }
        return table
    }

    /// Products of matrices, of float64 or of float32 numbers.
    func productLoops(float64: Bool) -> UnsafePointer<ck_product_table> {
        guard let table = ck_product_table_for(code, float64) else {
            preconditionFailure("CKernels has no products for \(self)")
        }
        return table
    }

    /// Elementwise passes over two tensors, of float64 or of float32 numbers.
    func combinedLoops(float64: Bool) -> UnsafePointer<ck_combined_table> {
        guard let table = ck_combined_table_for(code, float64) else {
            preconditionFailure("CKernels has no elementwise passes for \(self)")
        }
        return table
    }

    /// The transducer's lattice, of float64 or of float32 numbers.
    func latticeLoops(float64: Bool) -> UnsafePointer<ck_lattice_table> {
        guard let table = ck_lattice_table_for(code, float64) else {
            preconditionFailure("CKernels has no lattice for \(self)")
        }
        return table
    }

    private var code: ck_instruction_set {
        switch self {
        case .baseline: CK_BASELINE
        case .haswell: CK_HASWELL
        case .avx512: CK_AVX512
        }
    }
}
