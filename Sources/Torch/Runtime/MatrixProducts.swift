import CTorch
import Foundation

/// The library that multiplies large float32 matrices on the CPU, in forward passes, backward passes and everywhere else.
///
/// libtorch gives these products to MKL, which leaves the widest vectors of some makers' processors unused: there oneDNN, which
/// is part of libtorch too, takes half the time. Both round as float32 does, but add in different orders, so a run repeats bit
/// for bit only with the library it was made with.
public enum MatrixProducts: String, CaseIterable, Sendable {
    /// What libtorch takes by itself: MKL on x86.
    case engine
    /// oneDNN, from 2^20 multiplications a product.
    case oneDNN = "onednn"

    /// The environment variable that chooses one by its name; otherwise it is measured.
    package static let variable = "SWIFT_FISHER_PRODUCTS"

    /// The one that the environment variable names.
    package static var requested: MatrixProducts? {
        ProcessInfo.processInfo.environment[variable].flatMap(Self.init)
    }

    /// The milliseconds that a product of two 256 x 256 matrices took when the choice was measured; nil if it was not.
    public var measuredMilliseconds: Double? {
        let time = ct_products_milliseconds(Int32(code.rawValue))
        return time > 0 ? time : nil
    }

    /// The library in use and how it was chosen, in a few words.
    package static var statement: String {
        let current = self.current
        let name = current == .oneDNN ? "oneDNN" : "the engine's own"
        guard let own = engine.measuredMilliseconds, let other = oneDNN.measuredMilliseconds else {
            return requested == nil ? name : "\(name) (\(variable))"
        }
        let times = [other, own].map { $0.formatted(.number.precision(.significantDigits(2))) }
        return
            "\(name): 256 x 256 float32 matrices in \(times[0]) ms by oneDNN, \(times[1]) ms by the engine's own"
    }

    private var code: ct_products_kind {
        switch self {
        case .engine: CT_PRODUCTS_ENGINE
        case .oneDNN: CT_PRODUCTS_ONEDNN
        }
    }

    /// The one in use in this process: ``oneDNN`` where it takes at most 0.85 of the other's time, measured (in some
    /// milliseconds) at the first large product or the first question.
    ///
    /// Setting ``oneDNN`` has no effect in a libtorch without it.
    public static var current: MatrixProducts {
        get { ct_products() == CT_PRODUCTS_ONEDNN.rawValue ? .oneDNN : .engine }
        set { _ = ct_set_products(Int32(newValue.code.rawValue)) }
    }

    /// Runs `body`, in which this thread's products are made by this library, where libtorch contains it.
    package func whileUsed<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        let former = ct_give_products(Int32(code.rawValue))
        defer { _ = ct_give_products(former) }
        return try body()
    }
}
