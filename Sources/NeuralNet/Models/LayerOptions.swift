/// The options of one layer in the description of a network, read one by one and checked as they are read.
struct LayerOptions {
    /// The largest size that is taken, so that sums and products of a few cannot overflow.
    static let sizeLimit = Int(Int32.max)

    let layer: String
    let position: Int
    private var values: [String: SpecificationValue] = [:]

    /// Takes an object whose keys are among `keys`, or the values of the `short` keys alone: as a list where
    /// there are several, as it is where there is one.
    init(
        _ layer: String, _ value: SpecificationValue, position: Int, keys: [String], short: [String]
    ) throws(NetworkSpecificationError) {
        self.layer = layer
        self.position = position
        switch value {
        case .object(let given):
            if let unknown = given.keys.sorted().first(where: { !keys.contains($0) }) {
                throw NetworkSpecificationError(
                    position, unknown: unknown, called: "option of \(layer)", among: keys)
            }
            values = given
        case .list(let list) where short.count > 1 && list.count == short.count:
            values = Dictionary(uniqueKeysWithValues: zip(short, list))
        case let other where short.count == 1:
            values = [short[0]: other]
        default:
            let brief = short.isEmpty ? "" : "[" + short.joined(separator: ", ") + "] or "
            let all = keys.joined(separator: ", ")
            throw error("needs \(brief)an object of \(all), not \(value)")
        }
    }

    func error(_ reason: String) -> NetworkSpecificationError {
        NetworkSpecificationError(position, "\(layer) \(reason)")
    }

    /// Whether the option is given.
    func has(_ key: String) -> Bool { values[key] != nil }

    private func given(_ key: String) throws(NetworkSpecificationError) -> SpecificationValue {
        guard let value = values[key] else { throw error("lacks \(key)") }
        return value
    }

    /// A whole number of at least `minimum`.
    func size(_ key: String, atLeast minimum: Int = 1, default standard: Int? = nil)
        throws(NetworkSpecificationError) -> Int
    {
        if values[key] == nil, let standard { return standard }
        return try Self.size(try given(key), atLeast: minimum) { error("needs for \(key) \($0)") }
    }

    /// A whole number for each dimension: a list of them, or one for all.
    func sizes(_ key: String, _ count: Int, atLeast minimum: Int = 1, default standard: [Int]? = nil)
        throws(NetworkSpecificationError) -> [Int]
    {
        if values[key] == nil, let standard { return standard }
        let value = try given(key)
        func refusal(_ wanted: String) -> NetworkSpecificationError {
            let shape = count == 1 ? "" : ", or a list of \(count)"
            return error("needs for \(key) \(wanted)\(shape)")
        }
        guard case .list(let list) = value else {
            let size = try Self.size(value, atLeast: minimum, refusal)
            return Array(repeating: size, count: count)
        }
        guard list.count == count else {
            throw error("needs for \(key) a list of \(count) numbers, not \(value)")
        }
        var sizes: [Int] = []
        for element in list { sizes.append(try Self.size(element, atLeast: minimum, refusal)) }
        return sizes
    }

    /// A finite number of at least zero.
    func number(_ key: String, default standard: Double) throws(NetworkSpecificationError) -> Double {
        switch values[key] {
        case nil: return standard
        case .integer(let value) where value >= 0: return Double(value)
        case .real(let value) where value >= 0 && value.isFinite: return value
        case let value?: throw error("needs for \(key) a number of at least 0, not \(value)")
        }
    }

    /// True or false.
    func flag(_ key: String, default standard: Bool) throws(NetworkSpecificationError) -> Bool {
        switch values[key] {
        case nil: return standard
        case .boolean(let value): return value
        case let value?: throw error("needs for \(key) true or false, not \(value)")
        }
    }

    private static func size(
        _ value: SpecificationValue, atLeast minimum: Int, _ refusal: (String) -> NetworkSpecificationError
    ) throws(NetworkSpecificationError) -> Int {
        guard case .integer(let size) = value, (minimum...sizeLimit).contains(size) else {
            throw refusal("a whole number from \(minimum) to \(sizeLimit), not \(value)")
        }
        return size
    }
}
