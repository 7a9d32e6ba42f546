import FisherTables
import Testing

@Suite struct TableTests {}
