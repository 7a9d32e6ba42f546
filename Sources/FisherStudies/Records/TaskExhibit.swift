import Foundation

/// What a task shows of a finished run on its page: pictures, or a table of texts.
public enum TaskExhibit: Codable, Sendable, Hashable {
    /// Pictures in rows and columns.
    case pictures(PictureGrid)
    /// A table of texts.
    case table(ExhibitTable)
}

/// A picture as bytes.
public struct RasterImage: Sendable, Hashable {
    /// The number of columns.
    public let width: Int
    /// The number of rows.
    public let height: Int
    /// 1 for shades of gray, 3 for red, green and blue.
    public let channels: Int
    /// The values, row by row from the top, the channels of a pixel together.
    public let bytes: [UInt8]

    /// The largest width and height.
    package static let largestSide = 4096

    /// Makes a picture of `width * height * channels` bytes.
    public init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
        precondition(
            Self.complaint(width, height, channels, bytes.count) == nil,
            "a picture of \(width) by \(height) with \(channels) channels does not have \(bytes.count) bytes")
        (self.width, self.height, self.channels, self.bytes) = (width, height, channels, bytes)
    }

    /// What is wrong with a picture's sizes; nil if nothing is.
    private static func complaint(_ width: Int, _ height: Int, _ channels: Int, _ count: Int) -> String? {
        guard (1...largestSide).contains(width), (1...largestSide).contains(height),
            [1, 3].contains(channels)
        else { return "a picture cannot be \(width) by \(height) with \(channels) channels" }
        return count == width * height * channels
            ? nil : "a picture of \(width) by \(height) with \(channels) channels has \(count) bytes"
    }
}

extension RasterImage: Codable {
    private enum CodingKeys: String, CodingKey {
        case width, height, channels, bytes
    }

    /// Reads sizes and bytes, the bytes in base 64.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        width = try container.decode(Int.self, forKey: .width)
        height = try container.decode(Int.self, forKey: .height)
        channels = try container.decode(Int.self, forKey: .channels)
        bytes = [UInt8](try container.decode(Data.self, forKey: .bytes))
        if let complaint = Self.complaint(width, height, channels, bytes.count) {
            throw DecodingError.dataCorruptedError(
                forKey: .bytes, in: container, debugDescription: complaint)
        }
    }

    /// Writes sizes and bytes, the bytes in base 64.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(width, forKey: .width)
        try container.encode(height, forKey: .height)
        try container.encode(channels, forKey: .channels)
        try container.encode(Data(bytes), forKey: .bytes)
    }
}

/// Pictures in rows and columns.
public struct PictureGrid: Codable, Sendable, Hashable {
    /// The heading.
    public var title: String
    /// A sentence below; empty for none.
    public var caption: String
    /// The rows from the top, each from the left.
    public var rows: [[RasterImage]]
    /// The names of the rows, such as `original`; empty for none.
    public var rowTitles: [String]
    /// The names of the columns; empty for none.
    public var columnTitles: [String]

    /// Lays out pictures.
    public init(
        title: String, caption: String = "", rows: [[RasterImage]], rowTitles: [String] = [],
        columnTitles: [String] = []
    ) {
        self.title = title
        self.caption = caption
        self.rows = rows
        self.rowTitles = rowTitles
        self.columnTitles = columnTitles
    }
}

/// A table of texts.
public struct ExhibitTable: Codable, Sendable, Hashable {
    /// The heading.
    public var title: String
    /// A sentence below; empty for none.
    public var caption: String
    /// The headings of the columns.
    public var columns: [String]
    /// The cells by row.
    public var rows: [[String]]

    /// Makes a table whose rows have a cell for each column.
    public init(title: String, caption: String = "", columns: [String], rows: [[String]]) {
        precondition(rows.allSatisfy { $0.count == columns.count }, "a row has a cell for each column")
        self.title = title
        self.caption = caption
        self.columns = columns
        self.rows = rows
    }

    /// The same as a table of a study, every column aligned to the left.
    package var studyTable: StudyTable {
        StudyTable(
            rows,
            columns.enumerated().map { index, name in
                StudyColumn([name], .left) { .init($0[index]) }
            })
    }
}

extension TaskExhibit {
    /// The most pictures, or cells, of one exhibit.
    private static let mostParts = 4096

    func validate(_ place: String) throws(DocumentFault) {
        func requireTexts(_ texts: [String]) throws(DocumentFault) {
            for text in texts { try DocumentLimits.requireText(text, place) }
        }
        switch self {
        case .pictures(let grid):
            try requireTexts([grid.title, grid.caption] + grid.rowTitles + grid.columnTitles)
            if grid.rows.reduce(0, { $0 + $1.count }) > Self.mostParts {
                throw DocumentFault(place, "has more than \(Self.mostParts) pictures")
            }
        case .table(let table):
            try requireTexts([table.title, table.caption] + table.columns)
            if table.rows.count * max(table.columns.count, 1) > Self.mostParts {
                throw DocumentFault(place, "has more than \(Self.mostParts) cells")
            }
            for row in table.rows {
                guard row.count == table.columns.count else {
                    throw DocumentFault(
                        place, "has a row of \(row.count) cells for \(table.columns.count) columns")
                }
                try requireTexts(row)
            }
        }
    }
}
