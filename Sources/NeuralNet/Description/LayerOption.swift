/// An option in the description of a layer or a likelihood: its key in JSON, the property that holds it, and its values.
///
/// Reading, writing, checking and the messages about mistakes all derive from it; its default is the value that
/// the description's `init()` gives it.
public struct LayerOption<Description> {
    /// The key in JSON.
    public let key: String
    /// Whether it must be given.
    public let isRequired: Bool
    let read: (JSONValue, inout Description) throws(LayerDescriptionError) -> Void
    let check: (Description) throws(LayerDescriptionError) -> Void
    let write: (Description) -> JSONValue

    private init<Value>(
        _ key: String, _ property: WritableKeyPath<Description, Value>, _ kind: LayerOptionKind<Value>,
        isRequired: Bool
    ) {
        func invalid(_ value: JSONValue) -> LayerDescriptionError {
            LayerDescriptionError("needs for \(key) \(kind.wanted), not \(value.quoted)")
        }
        self.key = key
        self.isRequired = isRequired
        read = { (json, description) throws(LayerDescriptionError) in
            guard let value = kind.read(json), kind.accepts(value) else { throw invalid(json) }
            description[keyPath: property] = value
        }
        check = { (description) throws(LayerDescriptionError) in
            let value = description[keyPath: property]
            guard kind.accepts(value) else { throw invalid(kind.write(value)) }
        }
        write = { kind.write($0[keyPath: property]) }
    }

    /// An option whose values are read, checked and written by the caller.
    init(
        _ key: String, isRequired: Bool,
        read: @escaping (JSONValue, inout Description) throws(LayerDescriptionError) -> Void,
        check: @escaping (Description) throws(LayerDescriptionError) -> Void,
        write: @escaping (Description) -> JSONValue
    ) {
        self.key = key
        self.isRequired = isRequired
        self.read = read
        self.check = check
        self.write = write
    }

    /// An option that must be given.
    public static func required<Value>(
        _ key: String, _ property: WritableKeyPath<Description, Value>, _ kind: LayerOptionKind<Value>
    ) -> Self {
        Self(key, property, kind, isRequired: true)
    }

    /// An option whose default applies if it is not given; defaults are not written.
    public static func optional<Value>(
        _ key: String, _ property: WritableKeyPath<Description, Value>, _ kind: LayerOptionKind<Value>
    ) -> Self {
        Self(key, property, kind, isRequired: false)
    }
}

/// The values that an option of a layer can have.
public struct LayerOptionKind<Value> {
    /// The expected values, for messages.
    let wanted: String
    let read: (JSONValue) -> Value?
    let accepts: (Value) -> Bool
    let write: (Value) -> JSONValue
}

/// The largest size that is accepted, so that sums and products of a few cannot overflow.
let sizeLimit = Int(Int32.max)

extension LayerOptionKind where Value == Int {
    /// A whole number of at least 1.
    public static var size: Self { size(from: 1) }

    /// A whole number of at least `minimum`.
    public static func size(from minimum: Int) -> Self {
        Self(
            wanted: "a whole number from \(minimum) to \(sizeLimit)", read: \.integer,
            accepts: { (minimum...sizeLimit).contains($0) }, write: { .integer($0) })
    }
}

extension LayerOptionKind where Value == [Int] {
    /// A whole number of at least `minimum` for each dimension: a list of them, or one for all.
    public static func sizes(rank: Int, from minimum: Int = 1) -> Self {
        let one = LayerOptionKind<Int>.size(from: minimum)
        return Self(
            wanted: one.wanted + (rank == 1 ? "" : ", or a list of \(rank)"),
            read: { json in
                guard case .list(let list) = json else {
                    return json.integer.map { Array(repeating: $0, count: rank) }
                }
                let sizes = list.compactMap(\.integer)
                return sizes.count == list.count ? sizes : nil
            }, accepts: { $0.count == rank && $0.allSatisfy(one.accepts) },
            write: { sizes in
                guard let first = sizes.first, sizes.allSatisfy({ $0 == first }) else {
                    return .list(sizes.map { .integer($0) })
                }
                return .integer(first)
            })
    }
}

extension LayerOptionKind {
    /// The values of another kind, or none if the option is not given.
    public static func optional<Wrapped>(_ kind: LayerOptionKind<Wrapped>) -> Self where Value == Wrapped? {
        Self(
            wanted: kind.wanted, read: { json in kind.read(json).map { $0 } },
            accepts: { $0.map(kind.accepts) ?? true }, write: { $0.map(kind.write) ?? .null })
    }
}

extension LayerOptionKind where Value == Double {
    /// A finite number of at least 0.
    public static var number: Self {
        Self(
            wanted: "a number of at least 0", read: \.number, accepts: { $0 >= 0 && $0.isFinite },
            write: { .real($0) })
    }

    /// A finite number above 0.
    public static var positive: Self {
        Self(
            wanted: "a number above 0", read: \.number, accepts: { $0 > 0 && $0.isFinite },
            write: { .real($0) })
    }

    /// A number of a range.
    public static func number(in range: ClosedRange<Double>) -> Self {
        func text(_ bound: Double) -> String { bound == bound.rounded() ? "\(Int(bound))" : "\(bound)" }
        return Self(
            wanted: "a number from \(text(range.lowerBound)) to \(text(range.upperBound))", read: \.number,
            accepts: range.contains, write: { .real($0) })
    }
}

extension LayerOptionKind where Value == [Double] {
    /// A list of finite numbers, at least `least` of them.
    public static func numbers(from least: Int) -> Self {
        Self(
            wanted: "a list of at least \(least) numbers",
            read: { json in
                guard case .list(let list) = json else { return nil }
                let numbers = list.compactMap(\.number)
                return numbers.count == list.count ? numbers : nil
            }, accepts: { $0.count >= least && $0.allSatisfy(\.isFinite) },
            write: { .list($0.map { .real($0) }) })
    }
}

extension LayerOptionKind where Value == Bool {
    /// True or false.
    public static var flag: Self {
        Self(
            wanted: "true or false",
            read: { json in if case .boolean(let value) = json { value } else { nil } },
            accepts: { _ in true }, write: { .boolean($0) })
    }
}
