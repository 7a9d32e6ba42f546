/// The values that an option may take, beyond those that its type has.
public struct AllowedValues<Value: OptionValue>: Sendable {
    /// Why a value is not allowed, as the end of a sentence; nothing where it is.
    let complaint: @Sendable (Value) -> String?

    /// The values about which a function has no complaint. A complaint is the end of a sentence: `must be even`.
    public init(complaint: @escaping @Sendable (Value) -> String?) { self.complaint = complaint }

    /// Every value of the type.
    public static var all: AllowedValues { AllowedValues { _ in nil } }

    /// The values of a list.
    public static func among(_ values: [Value]) -> AllowedValues {
        AllowedValues { value in
            if values.contains(value) { return nil }
            return "is not one of "
                + values.map { $0.optionPieces.joined(separator: ",") }.joined(separator: ", ")
        }
    }

    /// No value, or one that is allowed of another type.
    public static func optional<Wrapped>(_ allowed: AllowedValues<Wrapped>) -> AllowedValues
    where Value == Wrapped? {
        AllowedValues { value in value.flatMap(allowed.complaint) }
    }
}

extension AllowedValues where Value: NumericOptionValue {
    private init(_ sentence: String, where isAllowed: @escaping @Sendable (Double) -> Bool) {
        self.init { value in value.extremes.allSatisfy(isAllowed) ? nil : sentence }
    }

    /// x >= 0.
    public static var nonNegative: AllowedValues {
        AllowedValues("must be zero or more") { $0.isFinite && $0 >= 0 }
    }
    /// x > 0.
    public static var positive: AllowedValues {
        AllowedValues("must be more than zero") { $0.isFinite && $0 > 0 }
    }
    /// 0 <= x < 1, as of the decay of an average.
    public static var decay: AllowedValues { AllowedValues("must lie in [0, 1)") { (0..<1).contains($0) } }
    /// 0 < x <= 1, as of a power of the information.
    public static var exponent: AllowedValues { AllowedValues("must lie in (0, 1]") { $0 > 0 && $0 <= 1 } }
    /// 0 <= x <= 1.
    public static var fraction: AllowedValues { AllowedValues("must lie in [0, 1]") { (0...1).contains($0) } }
    /// At least so many.
    public static func atLeast(_ least: Int) -> AllowedValues {
        AllowedValues("must be at least \(least)") { $0 >= Double(least) }
    }
    /// Within bounds, both allowed.
    public static func between(_ least: Int, _ most: Int) -> AllowedValues {
        AllowedValues("must lie between \(least) and \(most)") { $0 >= Double(least) && $0 <= Double(most) }
    }
    /// Within a range whose upper bound is not allowed.
    public static func within(_ range: Range<Double>) -> AllowedValues {
        AllowedValues("must lie in [\(range.lowerBound), \(range.upperBound))") { range.contains($0) }
    }
}
