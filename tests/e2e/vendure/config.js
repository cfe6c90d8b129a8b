// What the server and the seed have in common. The environment says which database and which port.
const { dummyPaymentHandler, DefaultLogger, LogLevel } = require('@vendure/core');

const number = (name) => Number(process.env[name]);

exports.administrator = { identifier: 'superadmin', password: 'superadmin' };

exports.config = (synchronize) => ({
    apiOptions: { hostname: '127.0.0.1', port: number('VENDURE_PORT') },
    authOptions: { tokenMethod: ['bearer'], superadminCredentials: exports.administrator },
    dbConnectionOptions: {
        type: 'postgres', host: '127.0.0.1', port: number('VENDURE_POSTGRES_PORT'), username: 'postgres',
        database: process.env.VENDURE_DATABASE, synchronize,
    },
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    logger: new DefaultLogger({ level: LogLevel.Error, timestamp: false }),
});
