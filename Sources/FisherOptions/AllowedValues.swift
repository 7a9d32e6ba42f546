import Torch

/// The values that an option may take, beyond those that its type has.
public struct AllowedValues<Value: OptionValue>: Sendable {
    /// Why a value is rejected, as the end of a sentence; nil if it is allowed.
    let complaint: @Sendable (Value) -> String?
    /// Which values these are, as the end of a sentence about one: `must be zero or more`; nil where every value is allowed or
    /// no such words are known.
    package let bounds: String?

    /// The values for which a function returns nil. For others it returns the end of a sentence: `must be
    /// even`.
    public init(complaint: @escaping @Sendable (Value) -> String?) { self.init(nil, complaint: complaint) }

    /// The same with the words for all values that are allowed.
    package init(_ bounds: String?, complaint: @escaping @Sendable (Value) -> String?) {
        self.bounds = bounds
        self.complaint = complaint
    }

    /// Every value of the type.
    public static var all: AllowedValues { AllowedValues { _ in nil } }

    /// The values in a list.
    public static func among(_ values: [Value]) -> AllowedValues {
        let names = values.map { $0.optionPieces.joined(separator: ",") }
        let list = names.joined(separator: ", ")
        return AllowedValues("must be one of \(list)") { value in
            if values.contains(value) { return nil }
            let hint = nearestName(to: value.optionPieces.joined(separator: ","), among: names)
            return "is not one of \(list)" + (hint.map { "; did you mean \($0)?" } ?? "")
        }
    }

    /// No value, or an allowed value of the wrapped type.
    public static func optional<Wrapped>(_ allowed: AllowedValues<Wrapped>) -> AllowedValues
    where Value == Wrapped? {
        AllowedValues(allowed.bounds) { value in value.flatMap(allowed.complaint) }
    }
}

extension AllowedValues where Value: NumericOptionValue {
    private init(_ sentence: String, where isAllowed: @escaping @Sendable (Double) -> Bool) {
        self.init(sentence) { value in value.extremes.allSatisfy(isAllowed) ? nil : sentence }
    }

    /// Finite numbers of zero or more.
    public static var nonNegative: AllowedValues {
        AllowedValues("must be zero or more") { $0.isFinite && $0 >= 0 }
    }
    /// Finite numbers of more than zero.
    public static var positive: AllowedValues {
        AllowedValues("must be more than zero") { $0.isFinite && $0 > 0 }
    }
    /// Numbers in [0, 1), such as the decay of an average.
    public static var decay: AllowedValues { AllowedValues("must lie in [0, 1)") { (0..<1).contains($0) } }
    /// Numbers in (0, 1], such as a power of the information.
    public static var exponent: AllowedValues { AllowedValues("must lie in (0, 1]") { $0 > 0 && $0 <= 1 } }
    /// Numbers in [0, 1].
    public static var fraction: AllowedValues { AllowedValues("must lie in [0, 1]") { (0...1).contains($0) } }
    /// Numbers of at least `least`.
    public static func atLeast(_ least: Int) -> AllowedValues {
        AllowedValues("must be at least \(least)") { $0 >= Double(least) }
    }
    /// Numbers between two bounds, both of which are allowed.
    public static func between(_ least: Int, _ most: Int) -> AllowedValues {
        AllowedValues("must lie between \(least) and \(most)") { $0 >= Double(least) && $0 <= Double(most) }
    }
    /// Numbers within a range, whose upper bound is not allowed.
    public static func within(_ range: Range<Double>) -> AllowedValues {
        AllowedValues("must lie in [\(range.lowerBound), \(range.upperBound))") { range.contains($0) }
    }
}
