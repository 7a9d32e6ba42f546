import FisherFiles

/// Parses the header's text into entries that are each valid.
struct SafetensorsHeaderParser {
    private(set) var metadata: [String: String]?
    private(set) var entries: [SafetensorsEntry] = []
    /// The tensor being read, for the message if it fails.
    private(set) var tensor: String?
    private var names: Set<String> = []
    private var json: StrictJSON
    private let startsWithBrace: Bool

    init(_ bytes: [UInt8]) {
        startsWithBrace = bytes.first == UInt8(ascii: "{")
        json = StrictJSON(bytes)
    }

    /// Reads the whole text; the properties hold what was read, also where this throws.
    mutating func parse() throws(StrictJSON.Fault) {
        guard startsWithBrace else { throw fault("the header does not start with '{'") }
        try json.enterObject()
        while let name = try json.nextKey() {
            if name == SafetensorsHeader.metadataKey {
                try parseMetadata()
            } else {
                tensor = name
                guard names.insert(name).inserted else {
                    throw fault("its name occurs more than once (up to Unicode normalization)")
                }
                try parseEntry(name)
                tensor = nil
            }
        }
        try json.finish()
    }

    private mutating func parseMetadata() throws(StrictJSON.Fault) {
        guard metadata == nil else { throw fault("\(SafetensorsHeader.metadataKey) occurs more than once") }
        metadata = [:]
        if json.takeNull() { return }
        try json.enterObject()
        while let key = try json.nextKey() {
            guard metadata?.updateValue(try json.string(), forKey: key) == nil else {
                throw fault("the metadata key \(key.quoted()) occurs more than once")
            }
        }
    }

    private mutating func parseEntry(_ name: String) throws(StrictJSON.Fault) {
        var dtype: SafetensorsDType?
        var shape: [Int]?
        var offsets: [Int]?
        try json.enterObject()
        while let key = try json.nextKey() {
            switch key {
            case "dtype" where dtype == nil: dtype = try parseDType()
            case "shape" where shape == nil: shape = try parseNumbers()
            case "data_offsets" where offsets == nil: offsets = try parseNumbers(atMost: 2)
            case "dtype", "shape", "data_offsets": throw fault("its \(key) occurs more than once")
            default: try json.skipValue()
            }
        }
        guard let dtype else { throw fault("it has no dtype") }
        guard let shape else { throw fault("it has no shape") }
        guard let offsets else { throw fault("it has no data_offsets") }
        guard offsets.count == 2 else { throw fault("its data_offsets are not two numbers") }
        guard offsets[0] <= offsets[1] else {
            throw fault("its data_offsets end at \(offsets[1]), before they begin at \(offsets[0])")
        }
        let range = offsets[0]..<offsets[1]
        switch dtype.byteCount(ofShape: shape) {
        case .failure(let sizeFault): throw fault(sizeFault.reason)
        case .success(range.count): break
        case .success(let size):
            let text = "shape \(SafetensorsError.listed(shape)) of \(dtype.rawValue)"
            throw fault("\(text) takes \(size) bytes, its data_offsets span \(range.count)")
        }
        entries.append(SafetensorsEntry(name: name, dtype: dtype, shape: shape, dataRange: range))
    }

    private mutating func parseDType() throws(StrictJSON.Fault) -> SafetensorsDType {
        let spelling = try json.string()
        guard let dtype = SafetensorsDType(rawValue: spelling) else {
            throw fault("its dtype \(spelling.quoted()) is unknown")
        }
        return dtype
    }

    private mutating func parseNumbers(atMost limit: Int = .max) throws(StrictJSON.Fault) -> [Int] {
        var numbers: [Int] = []
        try json.enterArray()
        while try json.nextElement() {
            guard numbers.count < limit else {
                throw fault("its data_offsets are more than \(limit) numbers")
            }
            numbers.append(try json.wholeNumber())
        }
        return numbers
    }

    private func fault(_ reason: String) -> StrictJSON.Fault {
        StrictJSON.Fault(offset: json.offset, reason: reason)
    }
}
